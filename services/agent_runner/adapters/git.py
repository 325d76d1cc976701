"""Workspaces: the folder that a run gets for itself, and what it changed there.

A workspace is a git clone of its own that borrows its objects from the mirror.
So a job may branch, commit and break what it likes: neither other runs nor
anybody's own working tree see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from services.agent_runner.adapters.empty_workspace import (
    FIXED_DATES,
    EmptyWorkspaces,
    exclude_leftovers,
    head_of,
)
from services.agent_runner.adapters.git_command import GitError
from services.agent_runner.adapters.mirror import Mirrors
from services.agent_runner.errors import RunFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.agent_runner.adapters.git_command import Git
    from services.agent_runner.adapters.mirror import Source

MAX_CHANGED_FILES = 100
"""How many changed paths are listed."""

_CONFLICT = re.compile(
    r"^(?:U (?P<unmerged>.+)"
    r"|error: patch failed: (?P<failed>.+):\d+"
    r"|error: (?P<other>.+?): (?:patch does not apply|already exists in .+|does not exist in .+"
    r"|does not match index|cannot read the current contents.*|No such file or directory))$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that is ready for a job."""

    base_sha: str
    """The commit that it started from; empty without a repository."""
    start_sha: str
    """The commit in it from which the run's own changes are counted."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The changes of an earlier run."""

    run: str
    """The run's name."""
    path: Path
    """A file that holds its diff."""


class Workspaces:
    """Makes and reads the workspaces of runs, each in its run's folder."""

    def __init__(self, git: Git, folder: Path, max_checkouts: int, replica: int = 0) -> None:
        """Take the folder of all replicas; the empty workspaces in it are each one's own."""
        self._git = git
        self._turns = asyncio.Semaphore(max_checkouts)
        self._mirrors = Mirrors(git, folder / "mirrors")
        self._empty = EmptyWorkspaces(git, folder / f"empty-workspaces-{replica}")

    async def install(self) -> None:
        """Make what every workspace needs; anew at each start, for it is quick."""
        await asyncio.to_thread(self._git.install)
        await self._empty.install()

    async def prepare(
        self, run_folder: Path, source: Source, revision: str, patches: Sequence[Patch]
    ) -> Workspace:
        """Make a run's workspace from scratch, whatever an earlier attempt left there.

        Raises RunFailure with REPOSITORY_NOT_FOUND, REVISION_NOT_FOUND or PATCH_CONFLICT.
        """
        folder = workspace_folder(run_folder)
        if _is_there(folder):
            await asyncio.to_thread(shutil.rmtree, folder)
        if source.uri:
            async with self._turns:
                base_sha = start_sha = await self._mirrors.fetch(source, revision)
                await self._check_out(folder, source, base_sha)
        else:
            await self._empty.take(folder)
            base_sha, start_sha = "", self._empty.start_sha
        if patches:
            start_sha = await self._apply(folder, patches)
        workspace = Workspace(base_sha, start_sha)
        _record_file(run_folder).write_text(json.dumps(asdict(workspace)))
        return workspace

    async def _check_out(self, folder: Path, source: Source, sha: str) -> None:
        mirror = self._mirrors.path_of(source)
        await self._git(
            *("clone", "--quiet", "--shared", "--no-checkout", str(mirror), str(folder)),
            folder=mirror,
        )
        await asyncio.to_thread(exclude_leftovers, folder)
        await self._git("config", "remote.origin.url", source.uri, folder=folder)
        await self._git("checkout", "--quiet", "--detach", sha, folder=folder)

    async def _apply(self, folder: Path, patches: Sequence[Patch]) -> str:
        """Apply patches in order and commit them, so that the run's own diff is only its own."""
        arguments = ("apply", "--3way", "--index", "--whitespace=nowarn")
        for patch in patches:
            if patch.path.stat().st_size == 0:
                continue
            try:
                await self._git(*arguments, str(patch.path), folder=folder)
            except GitError as error:
                raise _conflict(patch.run, error) from None
        await self._git(
            *("commit", "--quiet", "--no-verify", "--allow-empty", "--message", "Earlier runs"),
            folder=folder,
            variables=FIXED_DATES,
        )
        return await asyncio.to_thread(head_of, folder)

    async def collect(self, run_folder: Path, patch: Path) -> list[str]:
        """Write what the run changed to a patch file; returns the paths, at most 100.

        Counted from the start, so commits that the job made are in it too.
        """
        folder = workspace_folder(run_folder)
        try:
            start_sha = read_workspace(run_folder).start_sha
            index = await asyncio.to_thread(_own_index, folder, patch)
            await self._git("add", "--all", folder=folder, variables=index)
            difference = ("diff", "--cached", "--binary", "--full-index", "--no-ext-diff")
            _, names = await asyncio.gather(  # both only read the index
                self._git(
                    *difference, f"--output={patch}", start_sha, folder=folder, variables=index
                ),
                self._git(
                    *("diff", "--cached", "--name-only", "-z", start_sha),
                    folder=folder,
                    variables=index,
                ),
            )
        except (GitError, FileNotFoundError) as error:
            raise RunFailure(
                "COMMAND_FAILED",
                f"the run left a workspace whose changes git cannot read: {error}",
            ) from None
        paths = names.encode(errors="surrogateescape").decode(errors="replace").split("\0")
        return [path for path in paths if path][:MAX_CHANGED_FILES]


def _own_index(folder: Path, patch: Path) -> dict[str, str]:
    """Copy a workspace's index: git locks the one that it works with, and would refuse another."""
    index = patch.with_suffix(".index")
    # A job may have removed it, as `git rm` would; git makes one anew then.
    index.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(folder / ".git" / "index", index)
    return {"GIT_INDEX_FILE": str(index)}


def workspace_folder(run_folder: Path) -> Path:
    """Where a run's workspace is."""
    return run_folder / "workspace"


def read_workspace(run_folder: Path) -> Workspace:
    """Read what a prepared workspace started from."""
    return Workspace(**json.loads(_record_file(run_folder).read_text()))


def _is_there(folder: Path) -> bool:
    return folder.exists()


def _record_file(run_folder: Path) -> Path:
    return run_folder / "workspace.json"


def _conflict(run: str, error: GitError) -> RunFailure:
    found = (match.group(match.lastgroup or 0) for match in _CONFLICT.finditer(error.output))
    files = ", ".join(dict.fromkeys(found)) or error.output.splitlines()[0]
    return RunFailure(
        "PATCH_CONFLICT",
        f"the changes of {run} do not fit onto those before it: {files};"
        " make one step wait for the other, or let them change different lines",
    )
