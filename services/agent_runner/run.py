"""A run as it is stored, its state machine, and the one way to change its state."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

from adjutant.common.v1 import failure_pb2, money_pb2
from adjutant.event.v1 import run_events_pb2
from services.agent_runner.errors import WORK
from services.mesh.events import new_event
from services.mesh.names import collection_and_id, project_of
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2

STATES: Final = StateMachine(
    noun="run",
    initial="PREPARING",
    transitions={
        "PREPARING": ("RUNNING", "FAILED", "CANCELLING"),
        "RUNNING": ("SUCCEEDED", "FAILED", "CANCELLING"),
        "CANCELLING": ("CANCELLED",),
        "SUCCEEDED": (),
        "FAILED": (),
        "CANCELLED": (),
    },
    final=frozenset({"SUCCEEDED", "FAILED", "CANCELLED"}),
)
"""What may become of a run. Every change of state goes through `move`."""

UNFINISHED: Final = tuple(state for state in STATES.transitions if not STATES.is_final(state))
"""The states of runs that somebody must look after."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkspaceSpec(_Part):
    """Where a run works; the fields are the contract's."""

    repository_uri: str = ""
    revision: str = ""
    patch_runs: tuple[str, ...] = ()


class CommitSpec(_Part):
    """What the `git` agent commits; the fields are the contract's."""

    branch: str
    message: str
    time: UtcTime


class ResultDeclaration(_Part):
    """A result that a run must give; the fields are the contract's."""

    name: str
    type: str
    """A name of the contract's ResultType without its prefix."""


class RunInput(_Part):
    """A result of another run; the fields are the contract's."""

    name: str
    run: str
    sha256: str = ""


class Result(_Part):
    """A result that a run gave; the fields are the contract's."""

    name: str
    type: str
    size_bytes: int
    sha256: str


class Money(_Part):
    """An amount in one currency; the fields are the contract's."""

    currency_code: str
    units: int = 0
    nanos: int = 0

    @property
    def amount_nanos(self) -> int:
        """The whole amount in billionths of the currency's unit."""
        return self.units * 10**9 + self.nanos


class RunSpec(_Part):
    """What to run; the fields are the contract's."""

    agent: str
    command_line: str = ""
    verify_command: str = ""
    timeout_s: float | None = None
    workspace: WorkspaceSpec = WorkspaceSpec()
    commit: CommitSpec | None = None
    task: str = ""
    last_message: int = 0
    results: tuple[ResultDeclaration, ...] = ()
    inputs: tuple[RunInput, ...] = ()


class Artifact(_Part):
    """What a run left behind; the fields are the contract's."""

    artifact_id: str
    size_bytes: int
    sha256: str


class Failure(_Part):
    """Why a run ended badly; the fields are the contract's."""

    reason: str
    message: str
    disposition: str = WORK

    def to_proto(self) -> failure_pb2.Failure:
        """Return it as the contract has it."""
        return failure_pb2.Failure(
            reason=f"ERROR_REASON_{self.reason}",
            message=self.message,
            disposition=f"FAILURE_DISPOSITION_{self.disposition}",
        )


class RunRecord(Record):
    """One run. Fields that the contract has too mean what it says."""

    state: str
    task: str
    """Copy of spec.task, to filter by."""
    agent: str
    """Copy of spec.agent, to filter by."""
    spec: RunSpec
    spec_digest: str
    """SHA-256 of the spec as it came; tells a repeated request from another one."""
    report_token_digest: str = ""
    """SHA-256 of the token that proves that the job calls; the token itself the job alone has."""
    requester: str = ""
    """Who wanted it, such as `users/ada`; credentials are used on their behalf."""
    headers: dict[str, str]
    """Trace context of whoever started it."""
    liveness: str = ""
    heartbeat_time: UtcTime | None = None
    percent: float | None = None
    message: str = ""
    process_group: int = 0
    exit_code: int | None = None
    failure: Failure | None = None
    base_sha: str = ""
    changed_files: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    results: tuple[Result, ...] = ()
    cost: Money | None = None
    commit_sha: str = ""
    start_time: UtcTime | None = None
    end_time: UtcTime | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_token(cls, stored: Any) -> Any:
        """Take a record of an older version, which holds the token itself."""
        if isinstance(stored, dict) and "report_token" in stored:
            digest = token_digest(stored["report_token"])
            rest = {name: value for name, value in stored.items() if name != "report_token"}
            return rest | {"report_token_digest": digest}
        return stored

    def has_token(self, token: str) -> bool:
        """Tell whether a token is the run's."""
        return hmac.compare_digest(self.report_token_digest, token_digest(token))

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen to it any more."""
        return STATES.is_final(self.state)

    @property
    def job_id(self) -> str:
        """Id of its job, and the name of its folder."""
        return job_id_of(self.name)


RUNS: Final = Collection(name="runs", record=RunRecord, fields=("state", "task", "agent"))


def token_digest(token: str) -> str:
    """Return what is stored of a report token; it is random, so that a plain digest will do."""
    return hashlib.sha256(token.encode()).hexdigest()


def job_id_of(name: str) -> str:
    """Return the id of a run's job: unique among all projects, for ids hold no dot."""
    return ".".join((*project_of(name), collection_and_id(name)[1]))


def name_of_job(job_id: str) -> str:
    """Return the name of a job's run; empty where it is none of ours."""
    parts = job_id.split(".")
    if len(parts) != 3:
        return ""
    client, project, run = parts
    return f"clients/{client}/projects/{project}/runs/{run}"


def accepted(record: RunRecord) -> list[event_pb2.Event]:
    """Return what announces a new run."""
    return [_state_changed(record, previous="UNSPECIFIED")]


def move(record: RunRecord, state: str, failure: Failure | None = None) -> list[event_pb2.Event]:
    """Move a run to another state and return what announces it. ILLEGAL_TRANSITION."""
    STATES.check(record.state, state)
    previous, record.state = record.state, state
    record.failure = failure
    if state != "RUNNING":
        record.liveness = ""
    return [_state_changed(record, previous)]


def _state_changed(record: RunRecord, previous: str) -> event_pb2.Event:
    changed = run_events_pb2.RunStateChanged(
        previous_state=f"RUN_STATE_{previous}",
        state=f"RUN_STATE_{record.state}",
    )
    if record.failure is not None:
        changed.failure.CopyFrom(record.failure.to_proto())
    if record.is_final and record.exit_code is not None:
        changed.exit_code = record.exit_code
    return new_event(resource=record.name, task=record.task, run_state_changed=changed)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run's job says of itself; bare, it is a sign of life."""

    percent: float | None = None
    message: str = ""
    cost: Money | None = None
    """What it has spent since its start."""

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing but that the job is alive."""
        return self.percent is None and not self.message and self.cost is None

    def after(self, before: Report | None) -> Report:
        """Return the report with what it does not say taken from the one before."""
        cost = dearer(before.cost if before else None, self.cost)
        return Report(self.percent, self.message, cost)


def dearer(one: Money | None, other: Money | None) -> Money | None:
    """Return the larger of two amounts of one currency: reports may come in any order."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda money: money.amount_nanos)


def progressed(record: RunRecord, report: Report) -> list[event_pb2.Event]:
    """Note what a run's job said, and return what announces it."""
    if report.percent is not None:
        record.percent = report.percent
    record.message = report.message or record.message
    record.cost = dearer(record.cost, report.cost)
    said = run_events_pb2.RunProgress(message=report.message)
    if report.percent is not None:
        said.percent = report.percent
    if record.cost is not None:
        said.cost.CopyFrom(money_pb2.Money(**record.cost.model_dump()))
    return [new_event(resource=record.name, task=record.task, run_progress=said)]


def seems(record: RunRecord, liveness: str) -> list[event_pb2.Event] | None:
    """Note what a run seems to be doing, and return what announces it; None where it is no news."""
    if record.state != "RUNNING" or record.liveness == liveness:
        return None
    record.liveness = liveness
    changed = run_events_pb2.RunLivenessChanged(liveness=f"RUN_LIVENESS_{liveness}")
    return [new_event(resource=record.name, task=record.task, run_liveness_changed=changed)]
