"""What tasks decided of messages, as the messages' own records say it.

As in `task.py`, functions change the record in place.
"""

from services.mesh.names import collection_and_id
from services.orchestrator.messages.inbox import Settlement
from services.orchestrator.messages.message import MESSAGE_STATES, MessageRecord
from services.orchestrator.tasks.task import Events, TaskRecord


def as_decided(message: MessageRecord, task: TaskRecord) -> MessageRecord:
    """Return a message as its task's record has it, which may be ahead of its own."""
    if MESSAGE_STATES.is_final(message.state):
        return message
    message_id = id_of(message)
    for letter in task.inbox.pending:
        if letter.message_id == message_id:
            steps = [step.number for step in letter.adds]
            return message.model_copy(update={"number": letter.number, "steps_added": steps})
    for settlement in task.inbox.unsettled:
        if settlement.message_id == message_id:
            copy = message.model_copy()
            settle(copy, settlement)
            return copy
    return message


def settle(message: MessageRecord, settlement: Settlement) -> Events | None:
    """Bring a message up to what its task decided; None where it is."""
    if MESSAGE_STATES.is_final(message.state):
        return None
    MESSAGE_STATES.check(message.state, settlement.state)
    message.state, message.number = settlement.state, settlement.number
    message.steps_added = settlement.steps_added
    message.task_attempt, message.task_pass = settlement.task_attempt, settlement.task_pass
    message.deliver_time = settlement.time if settlement.state == "DELIVERED" else None
    message.check_time = None
    return []


def id_of(message: MessageRecord) -> str:
    """Return a message's id within its task."""
    return collection_and_id(message.name)[1]
