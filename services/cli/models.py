"""`adjutant models`: which language models there are, and which one would be asked."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

TokensOption = Annotated[
    int | None,
    typer.Option("--tokens", min=0, help="Tell which one a request of so many would go to."),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Of this provider, or this model; goes with --tokens."),
]


async def models(
    session: "Session",
    tokens: TokensOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> int:
    """List the language models; with --tokens, tell which one would be asked, and why."""
    if tokens is not None:
        return await _show_choice(session, tokens, model or "", as_json)
    if model is not None:
        raise exits.BadUseError("--model goes with --tokens")
    found = [one async for one in session.adjutant.models.list()]
    if as_json:
        for one in found:
            session.print_json(one)
        return exits.DONE
    session.console.print(_table(found))
    for missing in dict.fromkeys(one.missing for one in found if one.missing):
        session.say(missing)
    return exits.DONE


async def _show_choice(session: "Session", tokens: int, model: str, as_json: bool) -> int:
    found = await session.adjutant.models.choice(tokens, model=model)
    if as_json:
        session.print_json(found)
    elif found.model:
        session.say(f"{found.model.full_name}\n{found.explanation}")
    return exits.DONE


def _table(models: "Sequence[v1.Model]") -> "Table":
    from services.cli.render import plain, table

    shown = table("model", "kind", "context", "asked")
    for one in models:
        shown.add_row(
            plain(one.full_name),
            (one.provider_kind.name or "").lower(),
            _size(one.context_tokens),
            _when(one),
        )
    return shown


def _size(tokens: int) -> str:
    return str(tokens) if tokens % 1024 else f"{tokens // 1024}k"


def _when(model: "v1.Model") -> str:
    """Return when a model is asked."""
    if model.missing:
        return "not yet: see below"
    if not model.tier:
        return "when named"
    return "by size" if model.default_provider else f"by size, for {model.provider}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    mesh_command(app, "models")(models)
