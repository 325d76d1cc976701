"""What a task's record knows of its messages: references, never their texts.

Accepting a message, handing it over and ending the task are each one write of this record, so
they cannot disagree. The message's own record follows; what it does not say yet is `unsettled`.
"""

from pydantic import BaseModel, Field

from services.mesh.store import UtcTime
from services.orchestrator.messages.additions import KnownStep


class Letter(BaseModel):
    """A message that waits to be handed over."""

    message_id: str
    number: int
    adds: list[KnownStep] = Field(default_factory=list)
    """The steps that it adds; none where it is no checklist."""


class Settlement(BaseModel):
    """What became of a message, until its own record says so."""

    message_id: str
    number: int
    state: str
    """DELIVERED or DISCARDED."""
    steps_added: list[int] = Field(default_factory=list)
    task_attempt: int = 0
    task_pass: int = 0
    time: UtcTime
    stale: list[str] = Field(default_factory=list)
    """Names of the approvals, which may not exist, that nobody needs now that steps were added."""


class Inbox(BaseModel):
    """The messages of one task."""

    received: int = 0
    """How many were accepted; the number of the last one."""
    handed_over: int = 0
    """Number of the last one that was handed over."""
    pending: list[Letter] = Field(default_factory=list)
    """In the order in which they are handed over."""
    unsettled: list[Settlement] = Field(default_factory=list)

    def knows(self, message_id: str) -> bool:
        """Whether a message is pending, or was until just now."""
        waiting = [letter.message_id for letter in self.pending]
        return message_id in (*waiting, *(item.message_id for item in self.unsettled))
