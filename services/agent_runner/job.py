"""Turns a run into a job: its workspace, its command and its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.agent_runner.adapters.git import Patch, workspace_folder
from services.agent_runner.adapters.mirror import Source
from services.agent_runner.backend import JobSpec
from services.agent_runner.errors import RunFailure
from services.agent_runner.results import inputs_folder, results_folder
from services.mesh.identity.tls import job_variables
from services.mesh.names import parent_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.agent_runner.adapters.git import Workspaces
    from services.agent_runner.adapters.git_command import Identity
    from services.agent_runner.adapters.messages import TaskMessages
    from services.agent_runner.agents import AgentCommand, Agents
    from services.agent_runner.credentials import Credentials
    from services.agent_runner.results import Results
    from services.agent_runner.run import RunRecord
    from services.agent_runner.settings import AgentRunnerSettings
    from services.mesh.blobs import Blobs

PATCH: Final = "changes.patch"
"""The artifact that holds what a run changed."""
OUTPUT: Final = "output.log"
"""The artifact that holds what a run printed."""

# Nothing else of the service's environment reaches a job: it may hold secrets.
_KEPT_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
)


def blob_key(run: str, artifact_id: str) -> str:
    """Return the key of a run's artifact; `run` is its name."""
    return f"runs/{run}/{artifact_id}"


@dataclass(frozen=True, slots=True)
class JobMaker:
    """Makes jobs of runs."""

    settings: AgentRunnerSettings
    workspaces: Workspaces
    blobs: Blobs
    agents: Agents
    identity: Identity
    credentials: Credentials
    results: Results
    messages: TaskMessages

    async def make(self, run: RunRecord, place: Path, token: str) -> JobSpec:
        """Prepare a run's workspace and say what to run there. Raises RunFailure.

        `place` is a folder in the job's own, for this attempt to prepare it alone; `token` is the
        report token that the job gets.
        """
        os.makedirs(place, 0o700, exist_ok=True)
        asked = run.spec.workspace
        workspace = await self.workspaces.prepare(
            place,
            Source(asked.repository_uri, await self.credentials.of(run)),
            asked.revision,
            self._patches(run, asked.patch_runs),
        )
        await self.results.lay_out(run, place)
        messages = await self.messages.write(run, place)
        command = self.agents.get(run.agent).command(run.spec, place, workspace.base_sha)
        return JobSpec(
            argv=command.argv,
            verify_argv=_verification(run.spec.verify_command),
            env=self._environment(run, command, token, messages) | _folders(place),
            working_directory=str(workspace_folder(place)),
            timeout_s=self.timeout_s(run),
            grace_s=self.settings.cancel_grace_s,
            max_output_bytes=self.settings.max_output_bytes,
            heartbeat_interval_s=self.settings.job_heartbeat_s,
        )

    def timeout_s(self, run: RunRecord) -> float:
        """Return the seconds that a run may take."""
        return run.spec.timeout_s or self.settings.run_timeout_s

    def _patches(self, run: RunRecord, runs: tuple[str, ...]) -> list[Patch]:
        return [Patch(before, self._patch_of(run, before)) for before in runs]

    def _patch_of(self, asking: RunRecord, run: str) -> Path:
        # No call is under way here whose client the blobs could compare.
        if parent_of(run) != parent_of(asking.name):
            raise RunFailure("NOT_FOUND", f"{run} is no run of this project")
        try:
            return self.blobs.path(blob_key(run, PATCH))
        except KeyError:
            raise RunFailure(
                "NOT_FOUND",
                f"{run} left no changes to start from; name runs that have ended",
            ) from None

    def _environment(
        self, run: RunRecord, command: AgentCommand, token: str, messages: Path
    ) -> dict[str, str]:
        names = (*_KEPT_VARIABLES, *self.settings.job_variables)
        kept = {name: os.environ[name] for name in names if name in os.environ}
        trace = {"TRACEPARENT": run.headers["traceparent"]} if "traceparent" in run.headers else {}
        own = {
            "ADJUTANT_RUN": run.name,
            "ADJUTANT_TASK": run.task,
            "ADJUTANT_REPORT_TOKEN": token,
            "ADJUTANT_MESSAGES": str(messages),
            "ADJUTANT_RUNNER_ADDRESS": self.settings.address_of(self.settings.service),
            **job_variables(self.settings),
        }
        return kept | self.identity.variables() | command.variables | trace | own


def _folders(run_folder: Path) -> dict[str, str]:
    return {
        "ADJUTANT_RESULTS": str(results_folder(run_folder)),
        "ADJUTANT_INPUTS": str(inputs_folder(run_folder)),
    }


def _verification(command_line: str) -> list[str]:
    return ["/bin/sh", "-c", command_line] if command_line.strip() else []
