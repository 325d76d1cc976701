"""What the client shows, and to whom it shows nothing."""

import json
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from services import client as api
from services.client.discovery import Mesh, find_mesh
from services.client.identity import Identity, Tls, find_identity
from tests.doubles.mesh import MeshDouble, refuse

HERE = "127.0.0.1:7401"
AWAY = "mesh.example:7401"


def _token(identity: Identity, address: str = HERE) -> str:
    shown = dict(identity.metadata(address)).get("authorization", "")
    return shown.removeprefix("Bearer ")


@pytest.fixture
def found(tmp_path: pathlib.Path) -> Mesh:
    mesh = {"addresses": {"orchestrator": HERE}}
    (tmp_path / "mesh.json").write_text(json.dumps(mesh))
    (tmp_path / "owner.token").write_text("owners\n")
    (tmp_path / "owner.token").chmod(0o600)
    return find_mesh((), {"ADJUTANT_DATA_DIR": str(tmp_path)})


def test_what_is_said_first_wins(found: Mesh, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").write_text("  from-file\n")
    environ = {"ADJUTANT_TOKEN_FILE": str(tmp_path / "mine")}
    assert _token(find_identity(found, environ={})) == "owners"
    assert _token(find_identity(found, environ=environ)) == "from-file"
    environ["ADJUTANT_TOKEN"] = "from-variable"
    assert _token(find_identity(found, environ=environ)) == "from-variable"
    assert _token(find_identity(found, "given", environ=environ)) == "given"


def test_an_owners_token_is_for_the_mesh_of_its_directory_alone(found: Mesh) -> None:
    environ = {"ADJUTANT_DATA_DIR": str(found.data_dir)}
    elsewhere = find_mesh(["127.0.0.1:9"], environ)
    assert _token(find_identity(elsewhere, environ=environ)) == ""


def test_a_rotated_token_is_taken_up(found: Mesh, tmp_path: pathlib.Path) -> None:
    identity = find_identity(found, environ={})
    (tmp_path / "owner.token").write_text("next\n")
    assert _token(identity) == "next"
    (tmp_path / "owner.token").unlink()
    assert _token(identity) == ""


@pytest.mark.parametrize("address", [AWAY, "192.0.2.1:1", "[2001:db8::1]:1", "localhost.evil:1"])
def test_no_token_travels_in_clear(address: str) -> None:
    with pytest.raises(api.ConfigurationError, match=r"in clear .* ADJUTANT_TLS_CA"):
        Identity("secret").metadata(address)
    assert _token(Identity("secret", tls=Tls("ca.pem")), address) == "secret"
    assert dict(Identity().metadata(address)) == {"adjutant-platform": "other"}


@pytest.mark.parametrize("address", [HERE, "localhost:1", "[::1]:1"])
def test_this_machine_needs_no_tls(address: str) -> None:
    assert _token(Identity("secret"), address) == "secret"


@pytest.mark.parametrize("token", ["two words", "two\nlines", "é", "\x00"])
def test_what_no_token_can_be_is_said_without_it(token: str) -> None:
    with pytest.raises(api.ConfigurationError, match="is no token") as caught:
        find_identity(Mesh({}), token, environ={})
    assert token not in str(caught.value)


def test_a_named_file_must_be_there(tmp_path: pathlib.Path) -> None:
    environ = {"ADJUTANT_TOKEN_FILE": str(tmp_path / "nothing")}
    identity = find_identity(Mesh({}), environ=environ)
    with pytest.raises(api.ConfigurationError, match="nothing cannot be read"):
        identity.metadata(HERE)


def test_tls_is_what_the_environment_or_the_mesh_says(tmp_path: pathlib.Path) -> None:
    said = {"ca": "/m/ca", "certificate": "/m/c", "key": "/m/k"}
    (tmp_path / "mesh.json").write_text(json.dumps({"addresses": {}, "tls": said}))
    mesh = find_mesh((), {"ADJUTANT_DATA_DIR": str(tmp_path)})
    assert find_identity(mesh, environ={}).tls == Tls("/m/ca", "/m/c", "/m/k")
    assert find_identity(mesh, environ={"ADJUTANT_TLS_CA": "/e/ca"}).tls == Tls(
        "/e/ca", "/m/c", "/m/k"
    )
    assert find_identity(Mesh({}), environ={}).tls is None
    with pytest.raises(api.ConfigurationError, match="ADJUTANT_TLS_CA"):
        Tls(str(tmp_path / "none")).credentials()
    assert Tls("system").credentials()


class Door(MeshDouble):
    """Notes what each call shows, and lets nobody in without a token."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    async def GetTask(self, request: Any, context: Any) -> Any:
        self.seen.append(dict(context.invocation_metadata()))
        if "authorization" not in self.seen[-1]:
            await refuse(context, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "Who?")
        return await super().GetTask(request, context)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    double = Door()
    await double.start()
    yield double
    await double.stop()


async def test_each_call_says_who_makes_it(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_TOKEN", "mine")
    async with api.Adjutant(door.address, platform="cli") as adjutant:
        with pytest.raises(api.NotFoundError):
            await adjutant.tasks.get("clients/default/projects/default/tasks/none")
    assert door.seen[0]["authorization"] == "Bearer mine"
    assert door.seen[0]["adjutant-platform"] == "cli"


async def test_a_call_by_nobody_says_what_to_do(door: Door) -> None:
    async with api.Adjutant(door.address) as adjutant:
        with pytest.raises(api.UnauthenticatedError, match="ADJUTANT_TOKEN"):
            await adjutant.tasks.get("clients/default/projects/default/tasks/none")


def test_an_owners_token_that_others_can_read_is_refused_with_what_to_run(
    found: Mesh, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "owner.token"
    path.chmod(0o640)
    with pytest.raises(api.ConfigurationError, match=f"chmod 600 {path}"):
        _token(find_identity(found, environ={}))
    mounted = {"ADJUTANT_TOKEN_FILE": str(path)}
    assert _token(find_identity(found, environ=mounted)) == "owners"


def test_files_for_tls_that_do_not_fit_are_named(tmp_path: pathlib.Path) -> None:
    key = tmp_path / "ada.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(api.ConfigurationError, match=f"{key} holds no certificate"):
        Tls(str(key)).credentials()
    with pytest.raises(api.ConfigurationError, match="ADJUTANT_TLS_CERT needs ADJUTANT_TLS_KEY"):
        Tls("system", str(key)).credentials()
