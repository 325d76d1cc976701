"""What a model is told before it answers."""

from services.orchestrator.chat.context import Context
from services.orchestrator.chat.message import USER, ChatMessageRecord
from services.orchestrator.models.port import ModelMessage, Role


def conversation(instructions: str, context: Context) -> list[ModelMessage]:
    """Return an agent's instructions, what is known, what was said, and the message to answer."""
    known = "\n\n".join(f"{each.source}:\n{each.text}" for each in context.passages)
    system = f"{instructions}\n\nWhat is known:\n\n{known}" if known else instructions
    if not context.history_complete:
        system += "\n\nEarlier messages of this conversation are left out."
    if not context.passages_complete:
        system += "\n\nSome of what is known is left out."
    return [
        ModelMessage(Role.SYSTEM, system),
        *(said(record) for record in context.history),
        ModelMessage(Role.USER, context.question.text),
    ]


def said(record: ChatMessageRecord) -> ModelMessage:
    """Return a message of a session; what tasks tell is told as the assistant's."""
    return ModelMessage(Role.USER if record.author == USER else Role.ASSISTANT, record.text)
