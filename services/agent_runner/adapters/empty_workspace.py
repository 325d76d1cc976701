"""Empty workspaces, made ahead of time: a run without a repository starts at once."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from services.agent_runner.adapters.git_command import Git

FIXED_DATES: Final = {
    "GIT_AUTHOR_DATE": "1970-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "1970-01-01T00:00:00Z",
}
"""Git variables that let the same content make the same commit."""
_SPARES: Final = 16
_REFILL_DELAY_S: Final = 0.25

# What tools leave behind and nobody commits; a repository's own .gitignore says the rest.
_EXCLUDED: Final = """\
__pycache__/
*.py[cod]
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
node_modules/
.DS_Store
"""


class EmptyWorkspaces:
    """Keeps a few git repositories with one empty commit ready to be moved into place."""

    def __init__(self, git: Git, folder: Path) -> None:
        self._git = git
        self._folder = folder
        self._template = folder / "template"
        self._spares: list[Path] = []
        self._made = 0
        self._making: asyncio.Task[None] | None = None
        self.start_sha = ""
        """The commit in each of them."""

    async def install(self) -> None:
        """Make the template anew, and the first spares."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        await asyncio.to_thread(self._template.mkdir, parents=True)
        await self._git("init", "--quiet", folder=self._template)
        await self._git(
            *("commit", "--quiet", "--allow-empty", "--message", "Start of an empty workspace"),
            folder=self._template,
            variables=FIXED_DATES,
        )
        await self._git("checkout", "--quiet", "--detach", folder=self._template)
        await asyncio.to_thread(exclude_leftovers, self._template)
        self.start_sha = await asyncio.to_thread(head_of, self._template)
        await self._make_spares()

    async def take(self, folder: Path) -> None:
        """Put an empty workspace where there is none."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._refill())
        if self._spares:
            os.rename(self._spares.pop(), folder)
        else:
            await asyncio.to_thread(self._copy, folder)

    async def _refill(self) -> None:
        """Make spares once the run that took one has had its start, which they would slow down."""
        await asyncio.sleep(_REFILL_DELAY_S)
        await self._make_spares()

    async def _make_spares(self) -> None:
        while len(self._spares) < _SPARES:
            self._made += 1
            spare = self._folder / f"spare-{self._made}"
            await asyncio.to_thread(self._copy, spare)
            self._spares.append(spare)

    def _copy(self, folder: Path) -> None:
        shutil.copytree(self._template, folder, symlinks=True)


def exclude_leftovers(folder: Path) -> None:
    """Keep what tools leave behind out of a workspace's changes."""
    info = folder / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "exclude").write_text(_EXCLUDED)


def head_of(folder: Path) -> str:
    """Read a workspace's HEAD; it is detached, so the file holds the commit."""
    return (folder / ".git" / "HEAD").read_text().strip()
