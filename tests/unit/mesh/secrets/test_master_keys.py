"""Master keys: the ring in a file, those of the environment, and how they are changed."""

import base64
import pathlib
import secrets
import threading

import pytest

from services.mesh.errors import AdjutantError
from services.mesh.secrets import ring_file
from services.mesh.secrets.envelope import Vault
from services.mesh.secrets.keys import EnvironmentKeys, FileKeys
from services.mesh.secrets.ring_file import MasterKeysError

NAME = "clients/acme/connections/git"


def mode(path: pathlib.Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "secrets" / "master.keys"
    ring_file.make_if_missing(path)
    return path


def test_only_its_owner_reads_the_file(path: pathlib.Path) -> None:
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    ring_file.add_key(path)
    assert mode(path) == 0o600


def test_a_file_that_is_there_stays(path: pathlib.Path) -> None:
    before = path.read_text()
    ring_file.make_if_missing(path)
    assert path.read_text() == before


def test_of_several_that_make_it_one_does(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "master.keys"
    makers = [threading.Thread(target=ring_file.make_if_missing, args=[path]) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(ring_file.read(path)) == 1


async def test_a_new_key_is_used_at_once_and_the_old_ones_open(path: pathlib.Path) -> None:
    vault = Vault(FileKeys(path), "test")
    old = await vault.seal("secret", NAME)
    new_id = ring_file.add_key(path)
    new = await vault.seal("secret", NAME)
    assert (new.master_key, await vault.is_current(old)) == (new_id, False)
    assert await vault.open(old, NAME) == await vault.open(new, NAME) == b"secret"


async def test_after_the_old_keys_are_gone_what_was_rewrapped_opens(path: pathlib.Path) -> None:
    vault = Vault(FileKeys(path), "test")
    left, taken = await vault.seal("left", NAME), await vault.seal("taken", NAME)
    new_id = ring_file.add_key(path)
    taken = await vault.rewrap(taken, NAME)
    assert ring_file.keep_only(path, new_id) == [left.master_key]
    assert await vault.open(taken, NAME) == b"taken"
    with pytest.raises(AdjutantError) as caught:
        await vault.open(left, NAME)
    assert caught.value.reason == "SECRET_UNREADABLE"


def test_the_last_key_cannot_be_lost_by_a_wrong_id(path: pathlib.Path) -> None:
    before = path.read_text()
    with pytest.raises(MasterKeysError):
        ring_file.keep_only(path, "no-such-key")
    assert path.read_text() == before


@pytest.mark.parametrize("content", ["", "no json\n", '{"id": "a"}\n', '["a"]\n'])
def test_a_broken_file_is_told_without_its_content(path: pathlib.Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(MasterKeysError, match="backup"):
        ring_file.read(path)


def test_a_file_that_others_can_read_is_refused(path: pathlib.Path) -> None:
    path.chmod(0o644)
    with pytest.raises(MasterKeysError, match="chmod 600"):
        ring_file.read(path)


async def test_a_file_that_is_gone_is_told(path: pathlib.Path) -> None:
    vault = Vault(FileKeys(path), "test")
    sealed = await vault.seal("secret", NAME)
    path.unlink()
    for call in (vault.open(sealed, NAME), vault.seal("x", NAME), vault.rewrap(sealed, NAME)):
        with pytest.raises(AdjutantError) as caught:
            await call
        assert caught.value.reason == "SECRET_UNREADABLE"


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "é" * 44])
def test_a_wrong_variable_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(MasterKeysError) as caught:
        EnvironmentKeys({"ADJUTANT_MASTER_KEY": text})
    assert not text or text not in str(caught.value)


async def test_the_environment_may_hold_the_keys_before() -> None:
    old, new = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    sealed = await Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": old}), "test").seal("s", NAME)
    vault = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": f"{new},{old}"}), "test")
    assert not await vault.is_current(sealed)
    assert await vault.open(await vault.rewrap(sealed, NAME), NAME) == b"s"
