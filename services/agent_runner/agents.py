"""The agents: each turns a spec into a command line, and the command's end into words."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.agent_runner.adapters.git_command import ADD_CONNECTION, is_refused
from services.agent_runner.adapters.git_credential import job_variables
from services.agent_runner.credentials import needs_credential
from services.agent_runner.errors import INFRASTRUCTURE, RunFailure
from services.mesh.errors import AdjutantError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.agent_runner.run import RunSpec

COMMIT_SHA_FILE = "commit_sha"
"""The file in a run's folder that the `git` agent writes its commit's id to."""

_SHELL = "/bin/sh"
_NOT_FOUND_EXIT_CODE = 127
_TEMPORARY_EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h: the same may succeed later."""

# The tree is what preparing the workspace left: the base and the patches. With the
# time, the message and the identity given, the same spec makes the same commit.
_COMMIT_SCRIPT = """\
set -eu
if [ "$(git rev-parse 'HEAD^{tree}')" = "$(git rev-parse "$COMMIT_BASE^{tree}")" ]; then
    echo "nothing to commit: the runs before changed nothing" >&2
    exit 1
fi
sha=$(git commit-tree 'HEAD^{tree}' -p "$COMMIT_BASE" -F "$COMMIT_MESSAGE_FILE")
git push --porcelain "$COMMIT_REPOSITORY" "$sha:refs/heads/$COMMIT_BRANCH"
printf %s "$sha" > "$COMMIT_SHA_FILE"
echo "$sha"
"""


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """What an agent wants to be run in the workspace."""

    argv: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables beside those that every job has."""


class Agent(Protocol):
    """Does one kind of work, as a command line."""

    name: str
    """What RunSpec.agent says."""
    commits: bool
    """Whether it changes the repository itself, for which a task asks people."""

    def check(self, spec: RunSpec) -> None:
        """Raise AdjutantError where the spec lacks what this agent needs."""

    def command(self, spec: RunSpec, run_folder: Path, base_sha: str) -> AgentCommand:
        """Say what to run in the prepared workspace."""

    def failure(self, exit_code: int, last_words: str) -> RunFailure:
        """Say why the command failed; `last_words` is the end of what it printed."""


class CommandAgent:
    """Runs a command line by `sh -c`."""

    name = "command"
    commits = False

    def check(self, spec: RunSpec) -> None:
        """Ask for a command line."""
        if not spec.command_line.strip():
            raise _missing("spec.command_line", "the command agent needs a command line to run")

    def command(self, spec: RunSpec, run_folder: Path, base_sha: str) -> AgentCommand:
        """Hand the command line to the shell."""
        return AgentCommand([_SHELL, "-c", spec.command_line])

    def failure(self, exit_code: int, last_words: str) -> RunFailure:
        """Tell a command that does not exist, or failed for now, from one that failed."""
        if exit_code == _NOT_FOUND_EXIT_CODE:
            return RunFailure(
                "COMMAND_NOT_FOUND",
                f"the shell found no such command: {last_line(last_words)};"
                " correct the command line or install the command",
            )
        words = command_failed("the command", exit_code, last_words)
        if exit_code == _TEMPORARY_EXIT_CODE:
            return RunFailure("TEMPORARY_FAILURE", f"{words}; it may succeed later", INFRASTRUCTURE)
        return RunFailure("COMMAND_FAILED", words)


class GitAgent:
    """Commits what the runs before changed, and pushes that to a branch, never by force."""

    name = "git"
    commits = True

    def __init__(self, variables: Mapping[str, str], credential_sockets: Path) -> None:
        """Take the environment of its git, and the folder that leads to whom to ask for one."""
        self._variables = dict(variables)
        self._sockets = credential_sockets

    def check(self, spec: RunSpec) -> None:
        """Ask for a repository and a commit."""
        if not spec.workspace.repository_uri:
            raise _missing(
                "spec.workspace.repository_uri", "the git agent needs a repository to commit to"
            )
        if spec.commit is None:
            raise _missing("spec.commit", "the git agent needs a commit to make")

    def command(self, spec: RunSpec, run_folder: Path, base_sha: str) -> AgentCommand:
        """Make one commit on top of the base and push it."""
        assert spec.commit is not None
        message = run_folder / "commit_message"
        message.write_text(spec.commit.message.rstrip("\n") + "\n")
        date = f"@{int(spec.commit.time.timestamp())} +0000"
        uri = spec.workspace.repository_uri
        asking = job_variables(uri, self._sockets) if needs_credential(uri) else {}
        variables = (
            self._variables
            | asking
            | {
                "GIT_AUTHOR_DATE": date,
                "GIT_COMMITTER_DATE": date,
                "COMMIT_BASE": base_sha,
                "COMMIT_BRANCH": spec.commit.branch,
                "COMMIT_MESSAGE_FILE": str(message),
                "COMMIT_REPOSITORY": uri,
                "COMMIT_SHA_FILE": str(run_folder / COMMIT_SHA_FILE),
            }
        )
        return AgentCommand([_SHELL, "-c", _COMMIT_SCRIPT], variables)

    def failure(self, exit_code: int, last_words: str) -> RunFailure:
        """Pass on what git said."""
        said = last_words.strip() or f"exit code {exit_code}"
        advice = f"; {ADD_CONNECTION}" if is_refused(last_words) else ""
        return RunFailure("COMMIT_FAILED", f"git refused the commit: {said}{advice}")


class Agents:
    """The agents that there are."""

    def __init__(self, *agents: Agent) -> None:
        self._agents = {agent.name: agent for agent in agents}

    def get(self, name: str) -> Agent:
        """Return an agent. UNKNOWN_AGENT."""
        agent = self._agents.get(name)
        if agent is None:
            known = ", ".join(sorted(self._agents))
            raise AdjutantError(
                "UNKNOWN_AGENT", f"No agent is named '{name}'; there are: {known}.", "spec.agent"
            )
        return agent


def command_failed(what: str, exit_code: int, last_words: str) -> str:
    """Say that a command ended with an exit code, and what it said last."""
    said = last_line(last_words)
    return f"{what} ended with exit code {exit_code}" + (f"; it said last: {said}" if said else "")


def killed(number: int) -> RunFailure:
    """Say that a signal from outside ended a command; running out of memory looks like that."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    advice = "; perhaps the machine ran out of memory" if number == signal.SIGKILL else ""
    return RunFailure(
        "COMMAND_FAILED", f"the command was ended by signal {number} ({name}){advice}"
    )


def last_line(words: str) -> str:
    """Return the last line that says something, at most 300 characters of it."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _missing(field_name: str, message: str) -> AdjutantError:
    return AdjutantError("INVALID_REQUEST", f"{message[0].upper()}{message[1:]}.", field_name)
