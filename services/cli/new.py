"""`adjutant new`: hand in work."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.plan import (
    ParallelOption,
    PlanOption,
    RepoOption,
    TextArgument,
    instructions,
    repository_uri,
)

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator.v1 import Repository, Task
    from services.cli.session import Session

BranchOption = Annotated[
    str, typer.Option("--branch", help="Where the commit goes; adjutant/TASK unless given.")
]
RevisionOption = Annotated[
    str, typer.Option("--revision", help="The branch, tag or commit to start from.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep-partial", help="Commit what succeeded though a step fails.")
]
EscalateOption = Annotated[
    bool, typer.Option("--escalate", help="Ask a person, instead of failing, when stuck.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Approve everything beforehand.")]
BackgroundOption = Annotated[
    bool, typer.Option("--background", help="Let it wait behind what somebody waits for.")
]
WatchOption = Annotated[bool, typer.Option("--watch", help="Stay and watch it to its end.")]


async def new(
    session: "Session",
    text: TextArgument = None,
    plan: PlanOption = None,
    repo: RepoOption = None,
    branch: BranchOption = "",
    revision: RevisionOption = "",
    max_parallel: ParallelOption = 0,
    keep_partial: KeepOption = False,
    escalate: EscalateOption = False,
    yes: YesOption = False,
    background: BackgroundOption = False,
    watch: WatchOption = False,
    as_json: JsonOption = False,
) -> int:
    """Hand in a task, and with --watch follow it to its end."""
    from adjutant_messages.adjutant.common.v1 import EscalationPolicy, TaskQueue
    from adjutant_messages.adjutant.orchestrator.v1 import ApprovalPolicy, FailurePolicy

    task = await session.adjutant.tasks.submit(
        instructions(text, plan),
        repository=_repository(repo, branch, revision),
        approval_policy=ApprovalPolicy.APPROVE if yes else ApprovalPolicy.UNSPECIFIED,
        max_parallel_steps=max_parallel,
        failure_policy=FailurePolicy.KEEP if keep_partial else FailurePolicy.UNSPECIFIED,
        escalation_policy=EscalationPolicy.ASK if escalate else EscalationPolicy.UNSPECIFIED,
        queue=TaskQueue.BACKGROUND if background else TaskQueue.UNSPECIFIED,
    )
    return await _show(session, task, watch, as_json)


def _repository(repo: str | None, branch: str, revision: str) -> "Repository | None":
    from adjutant_messages.adjutant.orchestrator.v1 import Repository

    if repo is not None:
        return Repository(uri=repository_uri(repo), branch=branch, revision=revision)
    if branch or revision:
        raise exits.BadUseError("--branch and --revision mean nothing without --repo")
    return None


async def _show(session: "Session", task: "Task", watch: bool, as_json: bool) -> int:
    me = session.reference(task.name)
    if not as_json:
        session.say(f"Task {me} is accepted: {task.title}")
    if watch:
        from services.cli.follow import follow

        return await follow(session, task.name, as_json=as_json)
    if as_json:
        session.print_json(task)
    else:
        session.say(f"Follow it: adjutant watch {me}")
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "new")(new)
