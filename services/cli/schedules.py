"""`adjutant schedules`: work that is handed in again and again."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.plan import PlanOption, RepoOption, instructions, repository_uri
from services.cli.scope import chosen

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_NAME: Final = re.compile(
    r"clients/[a-z0-9-]{1,63}/projects/[a-z0-9-]{1,63}/schedules/[a-z0-9-]{1,63}"
)
_ID: Final = re.compile(r"[a-z0-9-]{1,63}")
_MISSED: Final = ("run-once", "skip")
_OVERLAP: Final = ("skip", "allow")

NameArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id, or its full name.")]
CronOption = Annotated[
    str | None, typer.Option("--cron", help="When, as cron says it: '30 9 * * MON-FRI'.")
]
ZoneOption = Annotated[
    str | None, typer.Option("--time-zone", help="Such as Europe/Prague; UTC unless given.")
]
TitleOption = Annotated[str | None, typer.Option("--title", help="What people call it.")]
TextOption = Annotated[str | None, typer.Option("--text", help="The plan itself.")]
MissedOption = Annotated[
    str | None, typer.Option("--missed", help="Ticks that nobody saw to: run-once or skip.")
]
OverlapOption = Annotated[
    str | None, typer.Option("--overlap", help="While the task before goes on: skip or allow.")
]


async def create(
    session: "Session",
    schedule: Annotated[str, typer.Argument(metavar="ID", help="What to call it: `nightly`.")],
    cron: Annotated[str, typer.Option("--cron", help="When, as cron says it.")],
    plan: PlanOption = None,
    text: TextOption = None,
    repo: RepoOption = None,
    time_zone: ZoneOption = None,
    title: TitleOption = None,
    missed: MissedOption = None,
    overlap: OverlapOption = None,
    paused: Annotated[bool, typer.Option("--paused", help="Make it, but do not tick.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make a schedule: hand in a plan at each time that --cron names."""
    made = await session.adjutant.schedules.create(
        schedule,
        cron,
        _task(text, plan, repo),
        time_zone=time_zone or "",
        display_name=title or "",
        paused=paused,
        **_policies(missed, overlap, ("missed", "overlap")),
    )
    return _show(session, made, as_json)


async def list_schedules(session: "Session", as_json: JsonOption = False) -> int:
    """List the schedules of the project."""
    from services.cli.schedule_tables import schedules_table

    found = [one async for one in session.adjutant.schedules.list()]
    if as_json:
        for one in found:
            session.print_json(one)
    elif found:
        session.console.print(schedules_table(found))
    else:
        session.say("There are none. Make one: adjutant schedules create ID --cron … --plan …")
    return exits.DONE


async def show(session: "Session", schedule: NameArgument, as_json: JsonOption = False) -> int:
    """Show a schedule, when it ticks next and what its last tick came to."""
    found = await session.adjutant.schedules.get(_name(session, schedule))
    return _show(session, found, as_json)


async def update(
    session: "Session",
    schedule: NameArgument,
    cron: CronOption = None,
    plan: PlanOption = None,
    text: TextOption = None,
    repo: RepoOption = None,
    time_zone: ZoneOption = None,
    title: TitleOption = None,
    missed: MissedOption = None,
    overlap: OverlapOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change a schedule."""
    from adjutant_messages.adjutant.orchestrator import v1

    given: dict[str, Any] = {"cron": cron, "time_zone": time_zone, "display_name": title}
    values = {field: value for field, value in given.items() if value is not None}
    values |= _policies(missed, overlap, ("missed_tick_policy", "overlap_policy"))
    if plan is not None or text is not None:
        values["task"] = _task(text, plan, repo)
    elif repo is not None:
        raise exits.BadUseError("--repo goes with the plan; give --plan or --text too")
    if not values:
        raise exits.BadUseError("nothing to change was given; --help lists what can be")
    changed = await session.adjutant.schedules.update(
        _name(session, schedule), v1.Schedule(**values), list(values)
    )
    return _show(session, changed, as_json)


async def pause(session: "Session", schedule: NameArgument) -> int:
    """Stop the ticks of a schedule until `resume`."""
    return await _set_paused(session, schedule, paused=True)


async def resume(session: "Session", schedule: NameArgument) -> int:
    """Let a schedule tick again, from now on."""
    return await _set_paused(session, schedule, paused=False)


async def run(session: "Session", schedule: NameArgument, as_json: JsonOption = False) -> int:
    """Hand in a schedule's task now, beside its ticks."""
    task = await session.adjutant.schedules.trigger(_name(session, schedule))
    if as_json:
        session.print_json(task)
    else:
        me = session.reference(task.name)
        session.say(f"Task {me} is accepted: {task.title}\nFollow it: adjutant watch {me}")
    return exits.DONE


async def delete(session: "Session", schedule: NameArgument) -> int:
    """Remove a schedule; the tasks that it made stay."""
    name = _name(session, schedule)
    await session.adjutant.schedules.delete(name)
    session.say(f"{name} is gone.")
    return exits.DONE


async def _set_paused(session: "Session", schedule: str, *, paused: bool) -> int:
    from adjutant_messages.adjutant.orchestrator import v1

    changed = await session.adjutant.schedules.update(
        _name(session, schedule), v1.Schedule(paused=paused), ["paused"]
    )
    return _show(session, changed, as_json=False)


def _task(text: str | None, plan: str | None, repo: str | None) -> "v1.SubmitTaskRequest":
    from adjutant_messages.adjutant.orchestrator import v1

    repository = v1.Repository(uri=repository_uri(repo)) if repo is not None else None
    return v1.SubmitTaskRequest(instructions=instructions(text, plan), repository=repository)


def _policies(missed: str | None, overlap: str | None, names: tuple[str, str]) -> dict[str, Any]:
    from adjutant_messages.adjutant.orchestrator import v1

    values: dict[str, Any] = {}
    if missed is not None:
        word = chosen(missed, _MISSED).replace("-", "_").upper()
        values[names[0]] = v1.MissedTickPolicy.from_string(word)
    if overlap is not None:
        values[names[1]] = v1.OverlapPolicy.from_string(chosen(overlap, _OVERLAP).upper())
    return values


def _name(session: "Session", text: str) -> str:
    if _ID.fullmatch(text):
        return f"{session.adjutant.parent}/schedules/{text}"
    if not _NAME.fullmatch(text):
        raise exits.BadUseError(
            f"{text!r} names no schedule; `adjutant schedules list` lists those of the project"
        )
    return text


def _show(session: "Session", schedule: "v1.Schedule", as_json: bool) -> int:
    from services.cli.schedule_tables import show_schedule

    if as_json:
        session.print_json(schedule)
    else:
        show_schedule(session, schedule)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Work that is handed in again and again.", no_args_is_help=True)
    mesh_command(group, "create")(create)
    mesh_command(group, "list")(list_schedules)
    mesh_command(group, "show")(show)
    mesh_command(group, "update")(update)
    mesh_command(group, "pause")(pause)
    mesh_command(group, "resume")(resume)
    mesh_command(group, "run")(run)
    mesh_command(group, "delete")(delete)
    app.add_typer(group, name="schedules")
