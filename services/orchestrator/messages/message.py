"""Messages to tasks: their record and their states."""

from typing import Final

from pydantic import Field

from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime

MESSAGE_STATES: Final = StateMachine(
    noun="message",
    initial="PENDING",
    transitions={
        "PENDING": ("DELIVERED", "DISCARDED", "REFUSED"),
        "DELIVERED": (),
        "DISCARDED": (),
        # Its sender was told so and no list shows it; the same request may be tried again.
        "REFUSED": ("PENDING",),
    },
    final=frozenset({"DELIVERED", "DISCARDED"}),
)
"""Which one a message is in is decided in its task's record, whose write has the events."""


class MessageRecord(Record):
    """A stored message."""

    text: str
    sender: str
    state: str = "PENDING"
    number: int = 0
    """Its number in the task; 0 until it is settled."""
    steps_added: list[int] = Field(default_factory=list)
    task_attempt: int = 0
    task_pass: int = 0
    deliver_time: UtcTime | None = None
    check_time: UtcTime | None = None
    """When to see that the task knows of it; None once that is certain."""


MESSAGES: Final = Collection("messages", MessageRecord, ("state", "sender"), ("check_time",))
