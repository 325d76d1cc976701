"""A stored message of a session. It never changes."""

from typing import Final

from pydantic import Field

from adjutant.orchestrator.v1 import chat_message_pb2
from services.mesh.names import child
from services.mesh.store import Collection, Record, WordIndex
from services.orchestrator import convert

USER: Final = "USER"
ASSISTANT: Final = "ASSISTANT"
TASK: Final = "TASK"


class ChatMessageRecord(Record):
    """A stored message. Fields that the contract has too mean what it says."""

    number: int
    author: str
    """USER, ASSISTANT or TASK."""
    text: str
    user: str = ""
    agent: str = ""
    reply_to: str = ""
    response: str = ""
    task: str = ""
    owner: str
    """Whose sessions a search finds it in: see `owner_of`."""
    words: list[str] = Field(default_factory=list)
    """What it is found by; see `words.py`."""


CHAT_MESSAGES: Final = Collection(
    "chat_messages",
    ChatMessageRecord,
    fields=("author",),
    hidden=("owner",),
    searched=WordIndex("owner", "words"),
)


def owner_of(project: str, user: str) -> str:
    """Return what the messages of one user in one project have in common."""
    return f"{project} {user}"


def name_of(session: str, number: int) -> str:
    """Return the name of a session's message."""
    return child(session, "messages", str(number))


def number_of(name: str) -> int:
    """Return the number that stands in a message's name."""
    return int(name.rpartition("/")[2])


def to_message(record: ChatMessageRecord) -> chat_message_pb2.ChatMessage:
    """Return a message as the contract's."""
    return chat_message_pb2.ChatMessage(
        name=record.name,
        number=record.number,
        author=f"CHAT_AUTHOR_{record.author}",
        text=record.text,
        user=record.user,
        agent=record.agent,
        reply_to=record.reply_to,
        response=record.response,
        task=record.task,
        create_time=convert.time(record.create_time),
    )
