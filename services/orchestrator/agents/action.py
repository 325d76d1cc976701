"""What an agent would do and asked about: its record, its states, and what happens to it.

Functions here change a record in place and return the events that announce the change: none,
for what people are to know of it stands in the session.
"""

from typing import Any, Final

from pydantic import BaseModel, Field

from services.mesh.names import child, collection_and_id, parent_of
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record
from services.orchestrator.chat.session import Events
from services.orchestrator.models.port import ToolCall

ACTION_STATES: Final = StateMachine(
    noun="action",
    initial="PENDING",
    transitions={
        "PENDING": ("CONFIRMED", "DECLINED", "WITHDRAWN"),
        "CONFIRMED": (),
        "DECLINED": (),
        "WITHDRAWN": (),
    },
    final=frozenset({"CONFIRMED", "DECLINED", "WITHDRAWN"}),
)
"""WITHDRAWN: the user said something else, which is answered instead."""


class CallRecord(BaseModel):
    """A call of a tool that the model wants, and what came of it."""

    id: str
    name: str
    arguments: dict[str, Any]
    result: str | None = None
    """What it came to, once it was made; for the model."""

    def call(self) -> ToolCall:
        """Return it as the model gave it."""
        return ToolCall(self.id, self.name, self.arguments)


class ActionRecord(Record):
    """All calls of one turn of a model, of which one at least changes something."""

    state: str = "PENDING"
    calls: list[CallRecord]
    agent: str
    """The agent that goes on when it is decided; empty where none was named."""
    model: str = ""
    """The model that was asked for; empty where none was."""
    groups: list[str] = Field(default_factory=list)
    """Groups whose tools the agent goes on with."""
    decided_by: str = ""
    """Name of the response whose message decided it; empty while it is PENDING."""

    @property
    def session(self) -> str:
        """Name of the session that it was asked in."""
        return parent_of(self.name)

    @property
    def response(self) -> str:
        """Name of the response that asked."""
        return child(self.session, "responses", collection_and_id(self.name)[1])

    def request_id(self, number: int) -> str:
        """Return what makes one of its calls the same whenever it is repeated."""
        return f"chat-{collection_and_id(self.name)[1]}-{number}"


ACTIONS: Final = Collection("actions", ActionRecord, fields=("state",))


def action_name(response: str) -> str:
    """Return the name of what a response asks about; it asks once at most."""
    session, response_id = parent_of(response), collection_and_id(response)[1]
    return child(session, "actions", response_id)


def decide(action: ActionRecord, verdict: str, response: str) -> Events | None:
    """Note what the user said; None where that response decided it before."""
    if action.decided_by == response:
        return None
    ACTION_STATES.check(action.state, verdict)
    action.state, action.decided_by = verdict, response
    return []


def note_result(action: ActionRecord, number: int, result: str) -> Events:
    """Note what a call came to, so that it is not made again."""
    action.calls[number].result = result
    return []
