"""Workspaces made of real repositories by real git."""

import asyncio
import pathlib
import subprocess

import pytest

from services.agent_runner.adapters.git import Patch, Workspaces, workspace_folder
from services.agent_runner.adapters.git_command import Git, Identity
from services.agent_runner.adapters.mirror import Source
from services.agent_runner.errors import RunFailure


def shell(command: str, folder: pathlib.Path) -> str:
    """Run a command line and return what it printed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


class Bench:
    """A repository with three lines in a file, and runs that work on it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        git = Git(folder / "runner", Identity("Adjutant", "adjutant@localhost"), timeout_s=30)
        self.workspaces = Workspaces(git, folder / "runner", max_checkouts=4)
        shell(
            "git init -q -b main; git config user.name Ann; git config user.email ann@localhost;"
            " printf 'one\\ntwo\\nthree\\n' > file; git add .; git commit -qm First",
            self.repository,
        )

    async def prepare(
        self, run: str, *patches: Patch, uri: str | None = None, revision: str = ""
    ) -> pathlib.Path:
        """Make a run's workspace and return it."""
        run_folder = self.folder / run
        run_folder.mkdir(exist_ok=True)
        await self.workspaces.prepare(
            run_folder, Source(str(self.repository) if uri is None else uri), revision, patches
        )
        return workspace_folder(run_folder)

    async def change(
        self, run: str, command: str, *patches: Patch, uri: str | None = None
    ) -> Patch:
        """Let a run change something, and return its patch."""
        shell(command, await self.prepare(run, *patches, uri=uri))
        patch = self.folder / run / "changes.patch"
        await self.workspaces.collect(self.folder / run, patch)
        return Patch(run, patch)

    async def refused(self, run: str, *patches: Patch, **asked: str) -> RunFailure:
        """Return why a workspace cannot be made."""
        with pytest.raises(RunFailure) as caught:
            await self.prepare(run, *patches, **asked)
        return caught.value


@pytest.fixture
async def bench(tmp_path: pathlib.Path) -> Bench:
    bench = Bench(tmp_path)
    await bench.workspaces.install()
    return bench


async def test_the_user_keeps_what_is_the_users(bench: Bench) -> None:
    shell("echo mine >> file; git checkout -qb mine", bench.repository)
    before = shell("git status --porcelain=v2 --branch; git worktree list", bench.repository)
    workspace = await bench.prepare("run", revision="main")
    assert (workspace / "file").read_text() == "one\ntwo\nthree\n"
    after = shell("git status --porcelain=v2 --branch; git worktree list", bench.repository)
    assert after == before


async def test_revisions(bench: Bench) -> None:
    first = shell("git rev-parse HEAD", bench.repository)
    shell("git tag -a v1 -m v1; git checkout -qb next; echo 4 >> file", bench.repository)
    second = shell("git commit -qam Second; git rev-parse HEAD", bench.repository)
    for revision, sha in (
        ("main", first),
        ("v1", first),
        (first, first),
        (first[:8], first),
        ("next", second),
        ("", second),
    ):
        workspace = await bench.prepare("run", revision=revision)
        assert shell("git rev-parse HEAD", workspace) == sha, revision


async def test_what_is_pushed_later_is_seen(bench: Bench) -> None:
    await bench.prepare("first")
    shell("echo four >> file; git commit -qam Second", bench.repository)
    workspace = await bench.prepare("second")
    assert (workspace / "file").read_text().endswith("four\n")


async def test_runs_do_not_see_each_other(bench: Bench) -> None:
    await bench.change("a", "git checkout -qb work; echo a > file; git commit -qam A")
    workspace = await bench.prepare("b")
    shell("git checkout -qb work", workspace)  # the same name is free here
    assert (workspace / "file").read_text() == "one\ntwo\nthree\n"


async def test_changes_are_all_changes(bench: Bench) -> None:
    workspace = await bench.prepare("run")
    shell(
        "echo committed > file; git commit -qam Own; echo more >> file; echo x > 'ä b';"
        " head -c 1000 /dev/urandom > binary; mkdir __pycache__; echo > __pycache__/junk",
        workspace,
    )
    patch = bench.folder / "run/changes.patch"
    files = await bench.workspaces.collect(bench.folder / "run", patch)
    assert files == ["binary", "file", "ä b"]
    other = await bench.prepare("other", Patch("run", patch))
    assert (other / "binary").read_bytes() == (workspace / "binary").read_bytes()
    assert (other / "file").read_text() == "committed\nmore\n"


async def test_a_run_starts_from_the_patches_and_owns_only_its_own(bench: Bench) -> None:
    a = await bench.change("a", "sed -i.old s/one/ONE/ file; rm file.old")
    b = await bench.change("b", "sed -i.old s/three/THREE/ file; rm file.old; echo b > new")
    c = await bench.change("c", "sed -i.old s/ONE/One/ file; rm file.old", a, b)
    assert "THREE" not in "".join(
        line for line in c.path.read_text().splitlines() if line.startswith(("+", "-"))
    )
    last = await bench.prepare("last", a, b, c)
    assert (last / "file").read_text() == "One\ntwo\nTHREE\n"
    assert (last / "new").read_text() == "b\n"


async def test_the_same_change_twice_fits(bench: Bench) -> None:
    a = await bench.change("a", "echo same > new")
    b = await bench.change("b", "echo same > new; echo b > other")
    assert (await bench.prepare("c", a, b) / "other").exists()


async def test_without_a_repository_changes_are_collected_too(bench: Bench) -> None:
    a = await bench.change("a", "echo a > a", uri="")
    b = await bench.change("b", "cat a; echo b > b", a, uri="")
    last = await bench.prepare("last", a, b, uri="")
    assert sorted(path.name for path in last.iterdir()) == [".git", "a", "b"]


async def test_many_empty_workspaces_at_once(bench: Bench) -> None:
    folders = await asyncio.gather(*(bench.prepare(f"r{number}", uri="") for number in range(12)))
    assert len({shell("git rev-parse HEAD", folder) for folder in folders}) == 1


async def test_many_checkouts_at_once(bench: Bench) -> None:
    folders = await asyncio.gather(*(bench.prepare(f"r{number}") for number in range(6)))
    assert all((folder / "file").exists() for folder in folders)


async def test_a_conflict_names_the_files_and_the_run(bench: Bench) -> None:
    a = await bench.change("run-a", "sed -i.old s/one/A/ file; rm file.old")
    b = await bench.change("run-b", "sed -i.old s/one/B/ file; rm file.old; echo b > new")
    failure = await bench.refused("c", a, b)
    assert failure.reason == "PATCH_CONFLICT"
    assert failure.disposition == "WORK"
    assert "changes of run-b" in failure.message
    assert ": file;" in failure.message
    assert (await bench.prepare("c", a) / "file").read_text() == "A\ntwo\nthree\n"


async def test_a_deleted_file_conflicts(bench: Bench) -> None:
    a = await bench.change("run-a", "git rm -q file")
    b = await bench.change("run-b", "echo b >> file")
    failure = await bench.refused("c", a, b)
    assert (failure.reason, ": file;" in failure.message) == ("PATCH_CONFLICT", True)


@pytest.mark.parametrize(
    ("asked", "reason", "disposition", "words"),
    [
        ({"uri": "/no/such/folder"}, "REPOSITORY_NOT_FOUND", "WORK", "check the address"),
        ({"uri": "relative/path"}, "REPOSITORY_NOT_FOUND", "WORK", "an absolute path"),
        ({"uri": "ext::sh -c id"}, "REPOSITORY_NOT_FOUND", "WORK", "not allowed"),
        (
            {"uri": "http://127.0.0.1:9/repository"},
            "REPOSITORY_NOT_FOUND",
            "INFRASTRUCTURE",
            "check the network",
        ),
        ({"revision": "nowhere"}, "REVISION_NOT_FOUND", "WORK", "'nowhere'"),
        ({"revision": "0" * 40}, "REVISION_NOT_FOUND", "WORK", "0000"),
    ],
)
async def test_bad_input_is_told(
    bench: Bench, asked: dict[str, str], reason: str, disposition: str, words: str
) -> None:
    failure = await bench.refused("run", **asked)
    assert (failure.reason, failure.disposition) == (reason, disposition)
    assert words in failure.message


async def test_a_repository_without_commits_is_told(bench: Bench) -> None:
    empty = bench.folder / "empty"
    shell("git init -q", empty)
    failure = await bench.refused("run", uri=str(empty))
    assert failure.reason == "REVISION_NOT_FOUND"
    assert "make a first commit" in failure.message


async def test_a_workspace_that_git_cannot_read_is_told(bench: Bench) -> None:
    shell("git init -q nested", await bench.prepare("run"))
    with pytest.raises(RunFailure, match="nested"):
        await bench.workspaces.collect(bench.folder / "run", bench.folder / "run/changes.patch")


async def test_a_lock_that_a_killed_git_left_is_no_obstacle(bench: Bench) -> None:
    await bench.prepare("first")
    (mirror,) = (bench.folder / "runner/mirrors").glob("*.git")
    shell("echo four >> file; git commit -qam Second", bench.repository)
    (mirror / "refs/heads/main.lock").touch()
    workspace = await bench.prepare("second")
    assert (workspace / "file").read_text().endswith("four\n")
