"""Git with a credential: it gets in, and what it showed is nowhere else."""

import pathlib
from collections.abc import Iterator

import psutil
import pytest

from services.agent_runner.adapters.git import Workspaces, workspace_folder
from services.agent_runner.adapters.git_command import Git, Identity
from services.agent_runner.adapters.mirror import Source
from services.agent_runner.credentials import Credential
from services.agent_runner.errors import WORK, RunFailure
from services.mesh.errors import AdjutantError
from services.mesh.secrets.user_info import refuse_user_info
from tests.support.git_server import GitServer, git_server

SECRET = "s3cret-'quoted $HOME %41 ünïcode"
CONNECTION = "clients/acme/connections/git"


def files_with(folder: pathlib.Path, secret: str) -> list[pathlib.Path]:
    """Return the files of a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if secret.encode() in path.read_bytes()]


def processes_with(secret: str) -> list[psutil.Process]:
    """Return the processes that have a secret in their arguments or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            seen = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(secret in text for text in seen):
            found.append(process)
    return found


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "server", secret=SECRET) as server:
        yield server


@pytest.fixture
async def workspaces(tmp_path: pathlib.Path) -> Workspaces:
    folder = tmp_path / "runner"
    git = Git(folder, Identity("Adjutant", "adjutant@localhost"), timeout_s=30)
    made = Workspaces(git, folder, max_checkouts=4)
    await made.install()
    return made


def run_folder(tmp_path: pathlib.Path, name: str = "run") -> pathlib.Path:
    folder = tmp_path / "runner" / name
    folder.mkdir(exist_ok=True)
    return folder


async def refusal(
    workspaces: Workspaces, folder: pathlib.Path, source: Source, revision: str = ""
) -> RunFailure:
    with pytest.raises(RunFailure) as caught:
        await workspaces.prepare(folder, source, revision, [])
    assert caught.value.reason == "REPOSITORY_NOT_FOUND"
    assert SECRET not in str(caught.value)
    return caught.value


async def test_git_gets_in_and_nobody_sees_how(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    seen: list[psutil.Process] = []
    written: list[pathlib.Path] = []

    def look() -> None:
        seen.extend(processes_with(SECRET))
        written.extend(files_with(tmp_path, SECRET))

    server.on_request = look
    source = Source(server.uri, Credential(CONNECTION, "ada", SECRET))
    folder = run_folder(tmp_path)
    await workspaces.prepare(folder, source, "", [])
    assert (workspace_folder(folder) / "README").read_text() == "hello\n"
    assert f"ada:{SECRET}" in server.shown
    assert (seen, written) == ([], [])
    assert files_with(tmp_path, SECRET) == []
    config = (workspace_folder(folder) / ".git" / "config").read_text()
    assert "credential" not in config
    assert server.uri in config


async def test_who_looks_for_secrets_in_processes_finds_them(tmp_path: pathlib.Path) -> None:
    """Shows that the test above could fail."""
    with psutil.Popen(["sleep", "20"], env={"HIDDEN": f"x{SECRET}x"}) as process:
        found = processes_with(SECRET)
        process.kill()
    assert [each.pid for each in found] == [process.pid]


async def test_who_comes_without_one_is_told_what_to_do(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    failure = await refusal(workspaces, run_folder(tmp_path), Source(server.uri))
    assert "adjutant connections create" in failure.message
    assert failure.disposition == WORK


async def test_a_wrong_secret_is_refused_and_told(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    server.secret = "another"
    source = Source(server.uri, Credential(CONNECTION, "ada", SECRET))
    failure = await refusal(workspaces, run_folder(tmp_path), source)
    assert CONNECTION in failure.message


async def test_a_redirect_is_not_followed(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    with git_server(tmp_path / "evil", secret=SECRET) as evil:
        server.redirect_to = evil.url
        source = Source(server.uri, Credential(CONNECTION, "ada", SECRET))
        await refusal(workspaces, run_folder(tmp_path), source)
        assert evil.shown == []


async def test_what_one_connection_fetched_another_cannot_read(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    source = Source(server.uri, Credential(CONNECTION, "ada", SECRET))
    made = await workspaces.prepare(run_folder(tmp_path), source, "", [])
    # The commit is in a mirror here; whoever asks for it by its id must still be let in.
    for credential in (None, Credential(CONNECTION + "2", "eve", "wrong")):
        other = run_folder(tmp_path, "other")
        await refusal(workspaces, other, Source(server.uri, credential), made.base_sha)


async def test_a_secret_that_no_pipe_takes_is_refused(
    server: GitServer, workspaces: Workspaces, tmp_path: pathlib.Path
) -> None:
    source = Source(server.uri, Credential(CONNECTION, "ada", "x" * 70_000))
    failure = await refusal(workspaces, run_folder(tmp_path), source)
    assert "too long" in failure.message


@pytest.mark.parametrize(
    "uri",
    [
        "https://ghp_token@github.com/acme/web.git",
        "https://ada:pw@git.example.com/web.git",
        "HTTPS://ada:pw@git.example.com/web.git",
        "ssh://git:pw@git.example.com/web.git",
        "http:/ada:pw@git.example.com/web.git",
    ],
)
def test_an_address_with_a_password_is_refused(uri: str) -> None:
    with pytest.raises(AdjutantError) as caught:
        refuse_user_info(uri, "spec.workspace.repository_uri")
    assert caught.value.reason == "INVALID_REQUEST"
    assert "pw" not in caught.value.message.replace("password", "")


@pytest.mark.parametrize(
    "uri",
    [
        "https://git.example.com/@scope/web.git",
        "ssh://git@git.example.com/web.git",
        "git@git.example.com:web.git",
        "/srv/git/a@b:c.git",
        "file:///srv/git/a@b.git",
        "",
    ],
)
def test_an_address_without_one_is_taken(uri: str) -> None:
    refuse_user_info(uri, "spec.workspace.repository_uri")
