"""Tasks: their record, their states and what may change them.

Functions here change a record in place and return the events that announce
the change; the store commits both together.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, Field, PrivateAttr

from adjutant.event.v1 import event_pb2, task_events_pb2
from services.mesh.events import new_event
from services.mesh.names import child, collection_and_id, parent_of
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert
from services.orchestrator.messages.inbox import Inbox
from services.orchestrator.plans.estimate import EstimateRecord
from services.orchestrator.plans.numbers import to_ranges
from services.orchestrator.plans.plan import Plan, topological
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.money import MoneyRecord, add_all
from services.orchestrator.tasks.step import StepRecord

TASK_STATES: Final = StateMachine(
    noun="task",
    initial="QUEUED",
    transitions={
        "QUEUED": ("ORCHESTRATING", "CANCELLING"),
        "ORCHESTRATING": (
            "QUEUED",  # a message came meanwhile; the next pass begins with it
            "WAITING_FOR_AGENT",
            "WAITING_FOR_USER",
            "COMPLETED",
            "FAILED",
            "CANCELLING",
        ),
        "WAITING_FOR_AGENT": ("ORCHESTRATING", "CANCELLING"),
        "WAITING_FOR_USER": ("ORCHESTRATING", "CANCELLING"),
        "CANCELLING": ("CANCELLED",),
        "COMPLETED": (),
        "FAILED": ("QUEUED",),
        "CANCELLED": ("QUEUED",),
    },
    final=frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
)
"""Every transition is announced by task_state_changed."""


class RepositoryRecord(BaseModel):
    """Where a task works; empty strings are the contract's defaults."""

    uri: str
    revision: str = ""
    branch: str = ""


class CommitRecord(BaseModel):
    """The commit that a task makes at its end."""

    attempt: int = 0
    """Counts its runs."""
    run: str = ""
    """Name of the run that makes it; empty while none is under way or ended."""
    run_state: str = ""
    """Final state of that run; empty while it is under way."""
    sha: str = ""
    branch: str = ""
    failure: FailureRecord | None = None


class TaskRecord(Record):
    """A stored task."""

    title: str
    state: str = "QUEUED"
    instructions: str
    repository: RepositoryRecord | None = None
    approval_policy: str = "ASK"
    inherits_policy: bool = False
    """Whether approval_policy is what the project's settings said when it was handed in."""
    escalation_policy: str = "FAIL"
    """FAIL or ASK: what becomes of it when it cannot go on by itself."""
    max_step_iterations: int = 0
    """How often a step of it may be started; 0 is the orchestrator's own setting."""
    cost_limit: MoneyRecord | None = None
    """What it may cost before a person is asked; grows with their answers; None is no limit."""
    cost_share: MoneyRecord | None = None
    """How much an answer lets it grow; None before the first."""
    max_parallel_steps: int = 0
    """How many of its runs may be under way at once; 0, of an older version, is no limit."""
    failure_policy: str = "FAIL"
    """FAIL or KEEP, as in the contract."""
    partial_success: bool = False
    """Whether it is COMPLETED although steps failed or were skipped."""
    given_title: str | None = None
    """The title that was asked for, which a plan depends on; None for tasks of an older version."""
    estimate: EstimateRecord | None = None
    """What it would probably take, as told when its plan was made."""
    plan_cached: bool = False
    """Whether its plan was made before."""
    proposal: Plan | None = None
    """The plan that a language model proposed; None where its instructions hold one."""
    plan_approval_complexity: int | None = None
    """Complexity above which a person approves its plan before the first step; None is never."""
    plan_approved: bool = False
    """Whether a person, or the policy, has approved its plan."""
    complexity: int = 0
    """How much there is to understand in its plan; 0 until that is made."""
    wake_time: UtcTime | None = None
    """When the next of its steps is tried again; None where none waits for that."""
    session: str = ""
    """Name of the chat session that it was handed in from and is told of; empty for others."""
    submitter: str = ""
    """Principal who handed it in; empty for tasks of an older version."""
    goals: list[str] = Field(default_factory=list)
    steps: list[StepRecord] = Field(default_factory=list)
    node: str = "UNSPECIFIED"
    """Node of the graph that it is in."""
    message: str = ""
    """What it is doing, for people."""
    failure: FailureRecord | None = None
    base_sha: str = ""
    """Commit that its first run started from; all later ones start there too."""
    approval: str = ""
    """Name of the approval that it waits for, or of its commit's; empty while it asks nothing."""
    asked: int = 0
    """Counts what it asked, the same again included, and what it can never ask any more."""
    commit: CommitRecord | None = None
    attempt: int = 1
    wake: bool = True
    """Something happened that the graph has not taken in yet."""
    retry_request_ids: list[str] = Field(default_factory=list)
    """Of the latest calls that queued it again, so that a repeat does not."""
    thread_time: UtcTime | None = None
    """When something is to be done about its checkpoints, once it has ended: see retention.py."""
    thread_compacted: bool = False
    """Whether only the last checkpoint is left."""
    queue: str = "FOREGROUND"
    rank: str = ""
    """Place in its queue, see `rank.py`; empty for tasks of an older version, which come first."""
    passes: int = 0
    """How often it was worked on."""
    inbox: Inbox = Field(default_factory=Inbox)
    trace: dict[str, str] = Field(default_factory=dict)
    """Trace headers of the call that submitted it."""
    news_time: UtcTime
    """When something was last heard of its runs."""
    start_time: UtcTime | None = None
    end_time: UtcTime | None = None
    _order: list[int] | None = PrivateAttr(None)
    _ancestors: dict[str, set[int]] = PrivateAttr(default_factory=dict)

    def step_of_run(self, run: str) -> StepRecord | None:
        """Return the step whose latest run has this name."""
        return next((step for step in self.steps if step.run == run), None)

    @property
    def costs(self) -> list[MoneyRecord]:
        """What all runs of its steps say that they spent, one amount for each currency."""
        return add_all(cost for step in self.steps for cost in step.costs)

    @property
    def next_question(self) -> str:
        """Name of the approval that it asks for next; one of it may exist already after a crash."""
        task_id = collection_and_id(self.name)[1]
        return child(parent_of(self.name), "approvals", f"{task_id}-{self.attempt}-{self.asked}")

    def active_runs(self) -> list[str]:
        """Return the names of the runs that are under way."""
        runs = [step.run for step in self.steps if step.state == "RUNNING"]
        if self.commit and self.commit.run and not self.commit.run_state:
            runs.append(self.commit.run)
        return runs

    def order(self) -> list[int]:
        """Return the steps' numbers so that each comes after what it needs."""
        if self._order is None or len(self._order) != len(self.steps):
            self._order = topological({step.number: step.after for step in self.steps})
        return self._order

    def ancestors(self, number: int) -> set[int]:
        """Return the numbers of all steps that must come before a step."""
        by_number = {step.number: step for step in self.steps}
        after = by_number[number].after
        key = to_ranges(after)  # steps of one heading mostly wait for the same
        if key not in self._ancestors:
            found, new = set(after), set(after)
            while new:
                new = {n for current in new for n in by_number[current].after} - found
                found |= new
            self._ancestors[key] = found
        return self._ancestors[key]

    def patches(self, among: Iterable[int] | None = None) -> list[StepRecord]:
        """Return the steps that changed something, in an order in which their changes apply."""
        wanted = set(among) if among is not None else {step.number for step in self.steps}
        by_number = {step.number: step for step in self.steps}
        ordered = (by_number[number] for number in self.order() if number in wanted)
        return [step for step in ordered if step.leaves_changes]


TASKS: Final = Collection(
    "tasks",
    TaskRecord,
    ("state", "title", "queue", "rank"),
    hidden=("wake_time", "thread_time"),
)

Events = list[event_pb2.Event]


def move_task(task: TaskRecord, state: str, failure: FailureRecord | None = None) -> Events:
    """Move a task to another state. ILLEGAL_TRANSITION."""
    previous = task.state
    TASK_STATES.check(previous, state)
    task.state, task.failure = state, failure
    if state == "ORCHESTRATING":
        task.start_time = task.start_time or now()
    task.end_time = now() if TASK_STATES.is_final(state) else None
    task.thread_time, task.thread_compacted = task.end_time, False
    return [announce_task(task, previous)]


def announce_task(task: TaskRecord, previous: str = "UNSPECIFIED") -> event_pb2.Event:
    """Return the event that says which state a task is in."""
    changed = task_events_pb2.TaskStateChanged(
        previous_state=convert.task_state(previous),
        state=convert.task_state(task.state),
        title=task.title,
        partial_success=task.partial_success,
        queue=convert.task_queue(task.queue),
        rank=task.rank if task.state == "QUEUED" else "",
    )
    if task.failure:
        changed.failure.CopyFrom(convert.failure(task.failure))
    if task.state == "COMPLETED" and task.commit and task.repository:
        changed.commit.CopyFrom(convert.commit(task.commit, task.repository))
    return new_event(resource=task.name, task=task.name, task_state_changed=changed)


def enter_node(task: TaskRecord, node: str, message: str) -> Events:
    """Note that the graph entered a node; the event is its heartbeat too."""
    task.node, task.message = node, message
    progress = task_events_pb2.TaskProgress(progress=convert.progress(task))
    return [new_event(resource=task.name, task=task.name, task_progress=progress)]
