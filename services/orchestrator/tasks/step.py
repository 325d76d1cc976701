"""One step of a task: its record and its states."""

from typing import Final

from pydantic import BaseModel, Field

from services.mesh.statemachine import StateMachine
from services.mesh.store import UtcTime
from services.orchestrator.plans.numbers import Numbers
from services.orchestrator.plans.plan import Gives, Takes
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.money import MoneyRecord

STEP_STATES: Final = StateMachine(
    noun="step",
    initial="PENDING",
    transitions={
        "PENDING": ("RUNNING", "SKIPPED", "CANCELLED", "FAILED"),
        # Back to PENDING when the ground gave way under its run and it is tried again.
        "RUNNING": ("SUCCEEDED", "FAILED", "CANCELLED", "PENDING"),
        "SUCCEEDED": (),
        "FAILED": ("PENDING",),
        "SKIPPED": ("PENDING",),
        "CANCELLED": ("PENDING",),
    },
    final=frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED"}),
)
"""Every transition is announced by step_state_changed."""


class ResultRecord(BaseModel):
    """A result that a run gave; the fields are the contract's."""

    name: str
    type: str
    size_bytes: int
    sha256: str


class StepRecord(BaseModel):
    """One step of a task."""

    number: int
    title: str
    goal_index: int
    agent: str
    command_line: str = ""
    verify_command: str = ""
    timeout_s: int | None = None
    after: Numbers = Field(default_factory=list)
    gives: list[Gives] = Field(default_factory=list)
    takes: list[Takes] = Field(default_factory=list)
    retry_limit: int = 0
    """How often the plan has it tried again, whatever the failure; 0 where it does not say."""
    state: str = "PENDING"
    ticked: bool = False
    """The plan had it ticked off: it counts as done."""
    omitted: bool = False
    """Whoever approved the plan left it out: it is SKIPPED, and holds nobody up."""
    attempt: int = 0
    iterations: int = 0
    """Counts its runs since a person last had it tried again."""
    breaking: bool = False
    """Whether the plan says that it breaks what others rely on."""
    waived: bool = False
    """Whether it did not succeed and a person had the task go on without it."""
    run: str = ""
    revision: str = ""
    """Where its latest run starts from: whoever asks for that run again must ask for the same."""
    failure: FailureRecord | None = None
    changed_files: list[str] = Field(default_factory=list)
    patch_sha256: str = ""
    """Digest of what its run changed; empty when it changed nothing."""
    results: list[ResultRecord] = Field(default_factory=list)
    """What its run gave: references, the values stay with the agent runner."""
    retries: int = 0
    """How often it was tried again by itself since its task was last queued."""
    retry_time: UtcTime | None = None
    """When it is tried again; None where it does not wait for that."""
    costs: list[MoneyRecord] = Field(default_factory=list)
    """What all its runs say that they spent, one amount for each currency."""
    committed: bool = False
    """Its changes are in the task's base already: a commit was made, and more was asked for."""
    last_message: int = 0
    """Number of the last message that its latest run sees."""
    start_time: UtcTime | None = None
    end_time: UtcTime | None = None

    @property
    def left_out(self) -> bool:
        """Whether it is never run: ticked off in the plan, or omitted by whoever approved it."""
        return self.ticked or self.omitted

    @property
    def satisfied(self) -> bool:
        """Whether steps that come after may start."""
        return self.state == "SUCCEEDED" or self.left_out

    @property
    def leaves_changes(self) -> bool:
        """Whether it changed something that is in no commit yet."""
        return self.state == "SUCCEEDED" and bool(self.patch_sha256) and not self.committed
