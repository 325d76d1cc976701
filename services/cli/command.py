"""How a command that talks to a mesh is declared.

What all of them share (`--address`, `--client`, `--project`, the connection,
the exit codes) is here once. Heavy imports wait until a command runs, so that
`adjutant --help` is quick.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from services.cli import exits

if TYPE_CHECKING:
    from services.cli.session import Session

P = ParamSpec("P")

AddressOption = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="[SERVICE=]HOST:PORT",
        help="Where the mesh is; one front door, or once per service.  [env: ADJUTANT_ADDRESS]",
    ),
]
ClientOption = Annotated[
    str, typer.Option("--client", envvar="ADJUTANT_CLIENT", help="The client's id.")
]
ProjectOption = Annotated[
    str, typer.Option("--project", envvar="ADJUTANT_PROJECT", help="The project's id.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def _shared(name: str, annotation: Any, default: object) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


_SHARED = (
    _shared("address", AddressOption, None),
    _shared("client", ClientOption, "default"),
    _shared("project", ProjectOption, "default"),
)
_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def mesh_command(
    app: typer.Typer, name: str
) -> Callable[
    [Callable[Concatenate["Session", P], Awaitable[int]]],
    Callable[Concatenate["Session", P], Awaitable[int]],
]:
    """Register a coroutine function that takes a session first and returns the exit code.

    Without a name it is what a group does where none of its commands is named.
    """

    def register(
        work: Callable[Concatenate["Session", P], Awaitable[int]],
    ) -> Callable[Concatenate["Session", P], Awaitable[int]]:
        own = list(inspect.signature(work).parameters.values())[1:]

        def run(**values: Any) -> None:
            context: typer.Context | None = values.pop("context", None)
            if context is not None and context.invoked_subcommand:
                return
            from services.cli.session import run_session

            where = {shared.name: values.pop(shared.name) for shared in _SHARED}
            raise typer.Exit(run_session(work, where, values))

        run.__doc__ = work.__doc__
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        taken = [*keyword, *_SHARED] if name else [_CONTEXT, *keyword, *_SHARED]
        run.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in taken}
        (app.command(name) if name else app.callback(invoke_without_command=True))(run)
        return work

    return register


def fail_on_bad_use(work: Callable[[], int]) -> int:
    """Run work that needs no mesh and return its exit code; bad use becomes one plain line."""
    try:
        return work()
    except exits.BadUseError as error:
        exits.complain(str(error))
        return exits.BAD_USE
