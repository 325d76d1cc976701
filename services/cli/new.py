"""`adjutant new`: hand in work."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[^/]+@[^/]+:")
_STANDARD_INPUT = "-"


async def new(
    session: "Session",
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT", help="What to do: a Markdown checklist.", show_default=False
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(metavar="FILE.md", help="The plan, a file; - is stdin."),
    ] = None,
    repo: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="The git repository to work in.")
    ] = None,
    branch: Annotated[
        str, typer.Option(help="Where the commit goes; adjutant/TASK unless given.")
    ] = "",
    revision: Annotated[str, typer.Option(help="The branch, tag or commit to start from.")] = "",
    max_parallel: Annotated[
        int, typer.Option(min=0, max=1000, help="Steps at once; 0 is what the project says.")
    ] = 0,
    keep_partial: Annotated[
        bool, typer.Option("--keep-partial", help="Commit what succeeded though a step fails.")
    ] = False,
    escalate: Annotated[
        bool, typer.Option("--escalate", help="Ask a person, instead of failing, when stuck.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve everything beforehand.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Let it wait behind what somebody waits for.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and watch it to its end.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Hand in a task, and with --watch follow it to its end."""
    from adjutant_messages.adjutant.common.v1 import EscalationPolicy, TaskQueue
    from adjutant_messages.adjutant.orchestrator.v1 import (
        ApprovalPolicy,
        FailurePolicy,
        Repository,
    )

    if repo is None and (branch or revision):
        raise exits.BadUseError("--branch and --revision mean nothing without --repo")
    repository = None
    if repo is not None:
        repository = Repository(uri=repository_uri(repo), branch=branch, revision=revision)
    task = await session.adjutant.tasks.submit(
        instructions(text, plan),
        repository=repository,
        approval_policy=ApprovalPolicy.APPROVE if yes else ApprovalPolicy.UNSPECIFIED,
        max_parallel_steps=max_parallel,
        failure_policy=FailurePolicy.KEEP if keep_partial else FailurePolicy.UNSPECIFIED,
        escalation_policy=EscalationPolicy.ASK if escalate else EscalationPolicy.UNSPECIFIED,
        queue=TaskQueue.BACKGROUND if background else TaskQueue.UNSPECIFIED,
    )
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


def instructions(text: str | None, plan: str | None) -> str:
    """Return what to do, given as a text or in a file; BadUseError."""
    if (text is None) == (plan is None):
        raise exits.BadUseError("say what to do: either a TEXT or --plan FILE.md")
    written = (text or "") if plan is None else _plan_text(plan)
    if not written.strip():
        raise exits.BadUseError("the plan is empty; write steps: `- [ ] title`, `run: …` below it")
    return written


def _plan_text(plan: str) -> str:
    try:
        read = sys.stdin.buffer.read() if plan == _STANDARD_INPUT else Path(plan).read_bytes()
        return read.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise exits.BadUseError(f"the plan {plan} cannot be read: {reason}") from error


def repository_uri(repo: str) -> str:
    """Return what the service calls a repository: a URL as it is, a directory's absolute path.

    Raises BadUseError for a directory that holds no git repository.
    """
    if not repo:
        raise exits.BadUseError("--repo is empty; name a git repository, or leave it out")
    if _URL.match(repo):
        return repo
    folder = Path(os.path.abspath(os.path.expanduser(repo)))
    if not folder.is_dir():
        raise exits.BadUseError(f"there is no directory {folder}; --repo names a git repository")
    is_bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    if not (folder / ".git").exists() and not is_bare:
        raise exits.BadUseError(
            f"{folder} is no git repository; name its top directory, or make one with `git init`"
        )
    return str(folder)


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "new")(new)
