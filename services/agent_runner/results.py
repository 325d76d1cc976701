"""Results: typed values that a run gives, and hands to others by reference.

A job writes each into a file of the folder ADJUTANT_RESULTS, and finds those of others in
ADJUTANT_INPUTS. Both lie beside the workspace, so that no result is taken for a change.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.agent_runner.errors import RunFailure
from services.agent_runner.run import RUNS, Result, ResultDeclaration, RunInput, RunRecord
from services.mesh.names import parent_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.mesh.blobs import Blobs
    from services.mesh.store import Store

ARTIFACT_PREFIX: Final = "result."
"""What an artifact's id begins with that holds a result."""
MAX_TEXT_BYTES: Final = 64 * 1024
_MAX_SCALAR_BYTES: Final = 400
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class _Type:
    """What a value of a type looks like."""

    wants: str
    """What its file must hold, in words."""
    max_bytes: int
    fits: Callable[[str], bool]


_TEXTS: Final = {
    "TEXT": _Type("UTF-8 text without NUL", MAX_TEXT_BYTES, lambda text: "\0" not in text),
    "INTEGER": _Type(
        "a decimal number without a fraction, such as 12",
        _MAX_SCALAR_BYTES,
        lambda text: bool(_INTEGER.fullmatch(text.strip())),
    ),
    "NUMBER": _Type(
        "a decimal number, such as 1.5",
        _MAX_SCALAR_BYTES,
        lambda text: bool(_NUMBER.fullmatch(text.strip())),
    ),
    "BOOLEAN": _Type(
        "true or false", _MAX_SCALAR_BYTES, lambda text: text.strip() in ("true", "false")
    ),
}
"""Every type but FILE, which any bytes fit. The value is the text without the space around it."""


def results_folder(run_folder: Path) -> Path:
    """Where a job writes its results."""
    return run_folder / "results"


def inputs_folder(run_folder: Path) -> Path:
    """Where a job finds results of others."""
    return run_folder / "inputs"


def result_key(run: str, name: str) -> str:
    """Return the key of a result's blob; `run` is the run's name."""
    return f"runs/{run}/{ARTIFACT_PREFIX}{name}"


class Results:
    """Takes in what jobs give, and lays out what they take."""

    def __init__(self, store: Store, blobs: Blobs, max_file_bytes: int) -> None:
        self._store = store
        self._blobs = blobs
        self._max_file_bytes = max_file_bytes

    async def lay_out(self, run: RunRecord, run_folder: Path) -> None:
        """Make both folders anew, with what the run takes. RunFailure."""
        for folder in (results_folder(run_folder), inputs_folder(run_folder)):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(0o700)
        for wanted in run.spec.inputs:
            await self._lay_out(run, wanted, inputs_folder(run_folder) / wanted.name)

    async def collect(self, run: RunRecord, run_folder: Path) -> tuple[Result, ...]:
        """Check and keep what a run declared that it gives. RESULT_MISSING, RESULT_INVALID."""
        folder = results_folder(run_folder)
        for declared in run.spec.results:  # all of them before any is kept
            await asyncio.to_thread(self._check, declared, folder / declared.name)
        return tuple(
            [
                await self._keep(run, declared, folder / declared.name)
                for declared in run.spec.results
            ]
        )

    async def _lay_out(self, run: RunRecord, wanted: RunInput, path: Path) -> None:
        result = await self._find(run, wanted)
        if wanted.sha256 and wanted.sha256 != result.sha256:
            raise _invalid(f"{wanted.run} gave another {wanted.name!r} than the one asked for")
        try:
            source = self._blobs.path(result_key(wanted.run, wanted.name))
            digest = await asyncio.to_thread(_copy, source, path)
        except (KeyError, FileNotFoundError):
            raise _missing(f"the value of {wanted.name!r} of {wanted.run} is gone") from None
        if digest != result.sha256:
            raise _invalid(f"the stored {wanted.name!r} of {wanted.run} is not what that run gave")

    async def _find(self, run: RunRecord, wanted: RunInput) -> Result:
        """Return a result of another run of the same project.

        No call is under way here whose client the store could compare, so this is compared here.
        """
        if parent_of(wanted.run) != parent_of(run.name):
            raise RunFailure("NOT_FOUND", f"{wanted.run} is no run of this project")
        giver = await self._store.find(RUNS, wanted.run)
        given = {result.name: result for result in giver.results} if giver else {}
        if wanted.name not in given:
            names = ", ".join(given) or "none"
            raise _missing(f"{wanted.run} gave no result {wanted.name!r}; it gave {names}")
        return given[wanted.name]

    def _check(self, declared: ResultDeclaration, path: Path) -> None:
        """Raise RunFailure where a result is not there or not of its type."""
        kind = _TEXTS.get(declared.type)
        most = kind.max_bytes if kind else self._max_file_bytes
        size = _size(declared.name, path)
        if size > most:
            raise _invalid(f"the result {declared.name!r} has {size} bytes and may have {most}")
        if kind is not None and not _holds(path, kind):
            raise _invalid(
                f"the result {declared.name!r} is declared as {declared.type.lower()},"
                f" so its file must hold {kind.wants}"
            )

    async def _keep(self, run: RunRecord, declared: ResultDeclaration, path: Path) -> Result:
        info = await self._blobs.put(result_key(run.name, declared.name), path)
        return Result(
            name=declared.name, type=declared.type, size_bytes=info.size_bytes, sha256=info.sha256
        )


def _size(name: str, path: Path) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise _missing(
            f'the run gave no result {name!r}; let it write one to "$ADJUTANT_RESULTS/{name}"'
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise _invalid(f"the result {name!r} is no plain file; write its content, not a link")
    return found.st_size


def _holds(path: Path, kind: _Type) -> bool:
    try:
        return kind.fits(path.read_bytes().decode())
    except UnicodeDecodeError:
        return False


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of the copy, in hex."""
    shutil.copyfile(source, target)
    os.chmod(target, 0o400)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(message: str) -> RunFailure:
    return RunFailure("RESULT_MISSING", message)


def _invalid(message: str) -> RunFailure:
    return RunFailure("RESULT_INVALID", message)
