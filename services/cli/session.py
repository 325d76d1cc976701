"""One command's connection to a mesh, and its way to the terminal."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from services import client as api
from services.cli import exits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    import betterproto2

_PIPE_WIDTH: Final = 1000
"""Columns where nobody looks: whoever reads a pipe wants a row on one line."""
_DEFAULT_PARENT: Final = "clients/default/projects/default"


class _Output(Console):
    def on_broken_pipe(self) -> None:
        raise  # the error that rich handles by calling this; it would exit with 1


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    adjutant: api.Adjutant
    console: Console
    """Standard output: colours on a terminal, plain text in a pipe."""

    def say(self, text: str) -> None:
        """Print a line as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def print_json(self, message: betterproto2.Message) -> None:
        """Print a message of the contract as one line of JSON."""
        print(api.to_json(message), flush=True)

    def print_all(self, messages: Iterable[betterproto2.Message]) -> int:
        """Print messages of the contract, one a line, and return the exit code of what is done."""
        for message in messages:
            self.print_json(message)
        return exits.DONE

    def reference(self, name: str) -> str:
        """Return what a person types to mean a resource: its id, where that is enough."""
        is_default = name.startswith(_DEFAULT_PARENT) and self.adjutant.parent == _DEFAULT_PARENT
        return api.last_part(name) if is_default else name


def run_session(
    work: Callable[..., Awaitable[int]],
    where: Mapping[str, Any],
    values: Mapping[str, Any],
) -> int:
    """Run a command against a mesh and return its exit code; errors become one plain line."""
    try:
        return asyncio.run(_connected(work, where, values))
    except BrokenPipeError:
        return exits.nobody_reads()
    except api.AdjutantError as error:
        exits.complain(str(error))
        return exits.code_of(error)
    except exits.BadUseError as error:
        exits.complain(str(error))
        return exits.BAD_USE


async def _connected(
    work: Callable[..., Awaitable[int]],
    where: Mapping[str, Any],
    values: Mapping[str, Any],
) -> int:
    api.start_trace()
    addresses = where["address"] or ()
    is_pipe = not sys.stdout.isatty()
    console = _Output(highlight=False, width=_PIPE_WIDTH if is_pipe else None)
    async with api.Adjutant(
        *addresses, client=where["client"], project=where["project"], platform="cli"
    ) as adjutant:
        return await work(Session(adjutant, console), **values)
