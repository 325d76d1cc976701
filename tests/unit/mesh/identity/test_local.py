"""The files of an embedded mesh: made once, by whoever comes first, for their owner alone."""

import multiprocessing
import pathlib
import stat

import pytest

from services.mesh.config import MeshSettings
from services.mesh.identity.files import make_private_folder
from services.mesh.identity.local import ensure_secrets, secret_files


def _mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_missing_is_made_once(tmp_path: pathlib.Path) -> None:
    settings = MeshSettings(data_dir=tmp_path / "new" / "data")
    made = ensure_secrets(settings)
    contents = {path: path.read_bytes() for path in made.values()}
    assert len(set(contents.values())) == 3
    assert {_mode(path) for path in contents} == {0o600}
    assert _mode(settings.data_dir) == 0o700
    assert _mode(settings.data_dir / "secrets") == 0o700
    assert ensure_secrets(settings) == {}
    assert {path: path.read_bytes() for path in contents} == contents
    made["mesh's key"].unlink()
    assert list(ensure_secrets(settings)) == ["mesh's key"]


def test_an_open_folder_is_closed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o755)
    ensure_secrets(MeshSettings(data_dir=tmp_path))
    assert _mode(tmp_path / "secrets") == 0o700


def test_a_folder_of_another_owner_is_left_as_it_is(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    (tmp_path / "volume").mkdir(mode=0o755)
    monkeypatch.setattr(pathlib.Path, "chmod", refuse)
    make_private_folder(tmp_path / "volume")
    assert "may be read by others" in caplog.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
@pytest.mark.parametrize("what", ["owner's token", "mesh's key", "event log's token"])
def test_a_file_that_others_can_read_is_refused(
    tmp_path: pathlib.Path, what: str, mode: int
) -> None:
    settings = MeshSettings(data_dir=tmp_path)
    ensure_secrets(settings)
    path = secret_files(settings)[what].path
    path.chmod(mode)
    with pytest.raises(OSError, match=f"chmod 600 {path}"):
        ensure_secrets(settings)


def test_a_file_at_a_place_that_a_setting_names_is_not_made(tmp_path: pathlib.Path) -> None:
    settings = MeshSettings(data_dir=tmp_path, mesh_key_file=tmp_path / "mounted.key")
    with pytest.raises(OSError, match="mesh's key is not at"):
        ensure_secrets(settings)
    assert not (tmp_path / "mounted.key").exists()


def _ensure(folder: str, start: "multiprocessing.synchronize.Event") -> list[str]:
    start.wait()
    settings = MeshSettings(data_dir=pathlib.Path(folder))
    ensure_secrets(settings)
    return [file.path.read_text() for file in secret_files(settings).values()]


def _ensure_into(queue: "multiprocessing.Queue[list[str]]", *arguments: object) -> None:
    queue.put(_ensure(*arguments))  # type: ignore[arg-type]


def test_several_that_start_at_once_agree(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, queue = context.Event(), context.Queue()
    processes = [
        context.Process(target=_ensure_into, args=(queue, str(tmp_path / "data"), start))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    start.set()
    seen = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert all(contents == seen[0] for contents in seen)
    assert not list((tmp_path / "data").rglob(".*"))
