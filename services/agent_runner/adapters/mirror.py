"""Keeps one bare mirror per repository, so that a workspace costs no second download.

What came with a connection's credential is in a mirror of that connection: nobody reads it
who may not use the connection.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.agent_runner.adapters.git_command import ADD_CONNECTION, GitError, is_refused
from services.agent_runner.adapters.git_credential import handed_over
from services.agent_runner.errors import INFRASTRUCTURE, WORK, RunFailure
from services.mesh.filelock import locked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.agent_runner.adapters.git_command import Git
    from services.agent_runner.credentials import Credential

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_STALE_LOCK = re.compile(r"Unable to create '(.+?\.lock)': File exists")
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_DEFAULT_REF = "refs/adjutant/default"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository, and what its server is shown."""

    uri: str
    credential: Credential | None = None

    @property
    def place(self) -> str:
        """Tells the mirrors of one address apart, by who may read them."""
        return f"{self.uri} {self.credential.connection}" if self.credential else self.uri


class Mirrors:
    """The mirrors of one runner, each in a folder named after the digest of its source."""

    def __init__(self, git: Git, folder: Path) -> None:
        self._git = git
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}

    def path_of(self, source: Source) -> Path:
        """Where the mirror of a repository is, or will be."""
        digest = hashlib.sha256(source.place.encode()).hexdigest()[:32]
        return self._folder / f"{digest}.git"

    async def fetch(self, source: Source, revision: str) -> str:
        """Bring the mirror up to date and return the commit that a revision means.

        An empty revision means the default branch. A full commit id that the mirror
        holds is not asked for again. Raises RunFailure with REPOSITORY_NOT_FOUND or
        REVISION_NOT_FOUND.
        """
        _check_address(source.uri, self._folder.parent)
        mirror = self.path_of(source)
        async with self._locked(mirror) as lock:
            if not (mirror / "HEAD").exists():
                mirror.mkdir(parents=True, exist_ok=True)
                await self._git("init", "--quiet", "--bare", folder=mirror)
            known = await self._commit_of(mirror, revision) if _SHA.fullmatch(revision) else None
            return known or await self._update(mirror, source, revision, lock)

    async def _update(self, mirror: Path, source: Source, revision: str, lock: int) -> str:
        default = () if revision else (f"+HEAD:{_DEFAULT_REF}",)
        await self._fetch(mirror, source, (*_REFS, *default), lock)
        wanted = revision or _DEFAULT_REF
        found = await self._resolve(mirror, wanted)
        if found is None and _SHA.fullmatch(revision):
            await self._fetch(mirror, source, (revision,), lock)
            found = await self._resolve(mirror, wanted)
        if found is None:
            raise _no_revision(source.uri, revision)
        return found

    async def _fetch(self, mirror: Path, source: Source, refs: tuple[str, ...], lock: int) -> None:
        arguments = ("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--prune")
        for attempt in (1, 2):
            try:
                with handed_over(source.credential, source.uri) as handed:
                    await self._git(
                        *arguments,
                        source.uri,
                        *refs,
                        folder=mirror,
                        variables=handed.variables,
                        held=(lock, *handed.descriptors),
                    )
                return
            except GitError as error:
                stale = _STALE_LOCK.search(error.output)
                if stale is None or attempt == 2:
                    raise _fetch_failure(source, refs, error) from None
                # We hold the mirror alone, so the lock is of a git that was killed.
                await asyncio.to_thread(os.unlink, stale.group(1))

    async def _resolve(self, mirror: Path, revision: str) -> str | None:
        """Prefer a branch to a tag, and both to what else git makes of the words."""
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if found := await self._commit_of(mirror, name):
                return found
        return None

    async def _commit_of(self, mirror: Path, name: str) -> str | None:
        try:
            found = await self._git(
                *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"),
                folder=mirror,
            )
        except GitError:
            return None
        return found.strip()

    @asynccontextmanager
    async def _locked(self, mirror: Path) -> AsyncIterator[int]:
        """Hold a mirror alone: among our tasks, and against a git of another service.

        Another replica may use it now, and an earlier service may have left one at work.
        """
        async with (
            self._locks.setdefault(mirror.name, asyncio.Lock()),
            locked(mirror.with_suffix(".git.lock")) as descriptor,
        ):
            yield descriptor


def _check_address(repository_uri: str, own_folder: Path) -> None:
    path = os.path.realpath(repository_uri.removeprefix("file://"))
    if f"{path}/".startswith(f"{os.path.realpath(own_folder)}/"):
        # What is there is others': mirrors that took a credential, workspaces of other projects.
        raise RunFailure(
            "REPOSITORY_NOT_FOUND",
            f"'{repository_uri}' is in the runner's own folder; name the repository itself",
        )
    is_remote = "://" in repository_uri or re.match(r"[^/]+@?[^/]+:", repository_uri)
    if not is_remote and not os.path.isabs(repository_uri):
        raise RunFailure(
            "REPOSITORY_NOT_FOUND",
            f"'{repository_uri}' is a relative path, and the runner does not know relative to"
            " what; give an absolute path or a URL",
        )


def _fetch_failure(source: Source, refs: tuple[str, ...], error: GitError) -> RunFailure:
    repository_uri = source.uri
    if "couldn't find remote ref HEAD" in error.output:
        return _no_revision(repository_uri, "")
    if refs and _SHA.fullmatch(refs[0]):
        return _no_revision(repository_uri, refs[0])
    trouble = error.is_network_trouble
    advice = "check the network" if trouble else "check the address and that it can be read"
    if is_refused(error.output):
        advice = ADD_CONNECTION
        if source.credential:
            advice += f"; it refused {source.credential.connection}"
    return RunFailure(
        "REPOSITORY_NOT_FOUND",
        f"cannot fetch from '{repository_uri}': {_first_line(error.output)}; {advice}",
        INFRASTRUCTURE if trouble else WORK,
    )


def _no_revision(repository_uri: str, revision: str) -> RunFailure:
    if revision:
        text = f"'{repository_uri}' has no branch, tag or commit '{revision}'; name one that it has"
    else:
        text = f"'{repository_uri}' has no commit on its default branch; make a first commit there"
    return RunFailure("REVISION_NOT_FOUND", text)


def _first_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith(("fatal:", "error:"))]
    return (lines or output.splitlines() or ["git gave no reason"])[0]
