"""`adjutant usage` and `adjutant budgets`: what models cost, and may cost."""

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import AtOption, chosen, scope_name

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_NAME: Final = re.compile(
    r"clients/[a-z0-9-]{1,63}(/projects/[a-z0-9-]{1,63})?/budgets/[a-z0-9-]{1,63}"
)
_ID: Final = re.compile(r"[a-z0-9-]{1,63}")
_DIMENSIONS: Final = ("project", "task", "agent", "model", "day")
_PERIODS: Final = ("day", "month", "total")

NameArgument = Annotated[str, typer.Argument(metavar="BUDGET", help="Its id, or its full name.")]
PeriodOption = Annotated[
    str | None, typer.Option("--per", metavar="PERIOD", help="day, month or total.")
]
WarnOption = Annotated[
    int | None,
    typer.Option("--warn", metavar="PERCENT", min=0, max=100, help="Warn at this part of it."),
]
TitleOption = Annotated[str | None, typer.Option("--title", help="What people call it.")]


async def show_usage(
    session: "Session",
    by: Annotated[
        str, typer.Option(metavar="WHAT", help="project, task, agent, model, day; several: a,b.")
    ] = "model",
    since: Annotated[
        str, typer.Option(metavar="DAY", help="First day, as 2026-01-31; 30 days unless given.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Last day; today unless given.")] = "",
    task: Annotated[str, typer.Option(metavar="TASK", help="Only what was for this task.")] = "",
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Show what calls of models took and cost."""
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.resolve import task_name
    from services.cli.usage_tables import usage_table

    asked = [chosen(word.strip(), _DIMENSIONS) for word in by.split(",") if word.strip()]
    rows = [
        row
        async for row in session.adjutant.usage.query(
            *(v1.UsageDimension.from_string(word.upper()) for word in dict.fromkeys(asked)),
            parent=scope_name(session, at),
            start_time=_day("--since", since),
            end_time=_day("--until", until),
            task=await task_name(session, task) if task else "",
        )
    ]
    if as_json:
        return session.print_all(rows)
    if any(row.call_count for row in rows):
        session.console.print(usage_table(rows, asked))
    else:
        session.say("No model was called in these days.")
    return exits.DONE


async def watch_usage(session: "Session", at: AtOption = "", as_json: JsonOption = False) -> int:
    """Follow what calls of models cost, and what budgets say, as it happens."""
    from services.cli.lines import frame_line

    async for frame in session.adjutant.usage.watch(parent=scope_name(session, at)):
        if as_json:
            session.print_json(frame)
        elif line := frame_line(frame):
            session.console.print(line, soft_wrap=True)
    return exits.DONE


async def create(
    session: "Session",
    budget: Annotated[str, typer.Argument(metavar="ID", help="What to call it: `team`.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as '50 USD'.")],
    per: PeriodOption = None,
    warn: WarnOption = None,
    title: TitleOption = None,
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Bound what models may cost, in US dollars: by the month, unless --per says otherwise."""
    from services.cli.amounts import money_of

    made = await session.adjutant.budgets.create(
        budget,
        money_of(amount, "AMOUNT"),
        warning_percent=warn or 0,
        display_name=title or "",
        parent=scope_name(session, at),
        **_period(per),
    )
    return _show(session, made, as_json)


async def list_budgets(session: "Session", at: AtOption = "", as_json: JsonOption = False) -> int:
    """List the budgets of the project, or of what --at says; a client's hold in its projects."""
    from services.cli.usage_tables import budgets_table

    parent = scope_name(session, at)
    found = [one async for one in session.adjutant.budgets.list(parent=parent)]
    if as_json:
        return session.print_all(found)
    if found:
        session.console.print(budgets_table(found))
    else:
        session.say("There are none. Make one: adjutant budgets create ID '50 USD'")
    return exits.DONE


async def show(
    session: "Session", budget: NameArgument, at: AtOption = "", as_json: JsonOption = False
) -> int:
    """Show a budget and what is spent of it."""
    found = await session.adjutant.budgets.get(_name(session, budget, at))
    return _show(session, found, as_json)


async def update(
    session: "Session",
    budget: NameArgument,
    amount: Annotated[str | None, typer.Option(help="How much may be spent.")] = None,
    per: PeriodOption = None,
    warn: WarnOption = None,
    title: TitleOption = None,
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Change a budget."""
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.amounts import money_of

    given: dict[str, Any] = {"warning_percent": warn, "display_name": title}
    values = {field: value for field, value in given.items() if value is not None}
    values |= _period(per)
    if amount is not None:
        values["amount"] = money_of(amount, "--amount")
    if not values:
        raise exits.BadUseError("nothing to change was given; --help lists what can be")
    changed = await session.adjutant.budgets.update(
        _name(session, budget, at), v1.Budget(**values), list(values)
    )
    return _show(session, changed, as_json)


async def delete(session: "Session", budget: NameArgument, at: AtOption = "") -> int:
    """Remove a budget: what it bounded is bounded no more."""
    name = _name(session, budget, at)
    await session.adjutant.budgets.delete(name)
    session.say(f"{name} is gone.")
    return exits.DONE


def _day(option: str, text: str) -> datetime.datetime | None:
    if not text:
        return None
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        raise exits.BadUseError(f"{option} {text!r} is no day; write it as 2026-01-31") from None
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)


def _period(word: str | None) -> dict[str, Any]:
    from adjutant_messages.adjutant.orchestrator import v1

    if word is None:
        return {}
    return {"period": v1.BudgetPeriod.from_string(chosen(word, _PERIODS).upper())}


def _name(session: "Session", text: str, at: str) -> str:
    if _ID.fullmatch(text):
        return f"{scope_name(session, at)}/budgets/{text}"
    if not _NAME.fullmatch(text):
        raise exits.BadUseError(f"{text!r} names no budget; `adjutant budgets list` lists them")
    return text


def _show(session: "Session", budget: "v1.Budget", as_json: bool) -> int:
    from services.cli.usage_tables import show_budget

    if as_json:
        session.print_json(budget)
    else:
        show_budget(session, budget)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    usage = typer.Typer(help="What models cost.", rich_markup_mode=None)
    app.add_typer(usage, name="usage")
    mesh_command(usage, "")(show_usage)
    mesh_command(usage, "watch")(watch_usage)
    budgets = typer.Typer(help="What models may cost.", no_args_is_help=True)
    app.add_typer(budgets, name="budgets")
    mesh_command(budgets, "create")(create)
    mesh_command(budgets, "list")(list_budgets)
    mesh_command(budgets, "show")(show)
    mesh_command(budgets, "update")(update)
    mesh_command(budgets, "delete")(delete)
