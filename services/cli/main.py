"""`adjutant`: the entry point, and the list of its commands."""

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from services.cli import (
    access,
    answers,
    approvals,
    auth,
    chat,
    connections,
    estimate,
    events,
    exits,
    hierarchy,
    keys,
    local,
    models,
    new,
    queue,
    runs,
    schedules,
    sessions,
    tasks,
    traces,
    usage,
)

app = typer.Typer(
    help="A mesh of services that runs AI work: hand in a task, watch it, answer its approvals.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (
    local,
    auth,
    new,
    estimate,
    tasks,
    queue,
    runs,
    approvals,
    answers,
    events,
    hierarchy,
    access,
    keys,
    connections,
    schedules,
    models,
    sessions,
    traces,
    traces,
    sessions,
    chat,
    usage,
    traces,
    sessions,
    chat,
):
    module.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"adjutant {metadata.version('adjutant')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: see `services.cli.exits`."""
    try:
        code = app(
            args=_with_checklist_last(arguments) or ["--help"],
            prog_name="adjutant",
            standalone_mode=False,
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else exits.DONE
    except typer.TyperException as error:
        if error.format_message().startswith("Usage: "):  # a group of commands, and none of them
            exits.note(error.format_message())
        else:
            exits.complain(_advised(error))
        return exits.BAD_USE
    except (KeyboardInterrupt, typer.Abort):
        return exits.INTERRUPTED
    except BrokenPipeError:
        return exits.nobody_reads()


def _with_checklist_last(arguments: Sequence[str]) -> list[str]:
    """Return a command line whose text may begin like a checklist does, which is like an option."""
    texts = [argument for argument in arguments if argument.startswith("- ")]
    if not texts or arguments[0] not in ("new", "estimate", "tell"):
        return list(arguments)
    return [*(argument for argument in arguments if argument not in texts), "--", *texts]


def _advised(error: typer.TyperException) -> str:
    """Return what is wrong with a command line, and where to look."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "adjutant"
    if message.endswith("?"):
        return f"{message} See `{path} --help`"
    return f"{message.rstrip('.')}; see `{path} --help`"


if __name__ == "__main__":
    main()
