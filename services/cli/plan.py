"""What is to be done and where, as the commands that hand it in take it."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli import exits

TextArgument = Annotated[
    str | None,
    typer.Argument(metavar="TEXT", help="What to do: a Markdown checklist.", show_default=False),
]
PlanOption = Annotated[
    str | None, typer.Option("--plan", metavar="FILE.md", help="The plan, a file; - is stdin.")
]
RepoOption = Annotated[
    str | None, typer.Option("--repo", metavar="DIR|URL", help="The git repository to work in.")
]
ParallelOption = Annotated[
    int,
    typer.Option(
        "--max-parallel", min=0, max=1000, help="Steps at once; 0 is what the project says."
    ),
]

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[^/]+@[^/]+:")
_STANDARD_INPUT = "-"


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
