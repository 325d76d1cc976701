"""Exit codes, and how an error becomes one plain line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.client import AdjutantError

DONE: Final = 0
TASK_FAILED: Final = 1
"""The task failed, was denied or was cancelled."""
BAD_USE: Final = 2
"""The command or what it asks for is wrong: nothing was done."""
UNREACHABLE: Final = 3
"""No service answers, or it answers with a fault of its own."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it."""


class BadUseError(Exception):
    """The command is used wrongly; the text says in one line what and what to do."""


def nobody_reads() -> int:
    """Return the exit code where whoever read our output has seen enough, as `head` has."""
    # Python would complain at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def complain(text: str) -> None:
    """Print one plain line on standard error."""
    print(f"adjutant: {' '.join(text.split())}", file=sys.stderr)


def note(text: str) -> None:
    """Print a line for people on standard error, beside what programs read."""
    print(text, file=sys.stderr, flush=True)


def code_of(error: AdjutantError) -> int:
    """Return the exit code of an error of the client."""
    from services.client import ConfigurationError, RefusedError

    return BAD_USE if isinstance(error, ConfigurationError | RefusedError) else UNREACHABLE
