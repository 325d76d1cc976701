"""How tools tell of things: a line each, which models and people read alike."""

from collections.abc import Sequence

from services.mesh.names import collection_and_id
from services.orchestrator.tasks.task import TaskRecord

PAGE = 50
"""Things of a list that a tool tells of."""


def task_line(task: TaskRecord) -> str:
    """Return a task in one line."""
    failure = f" ({task.failure.message})" if task.failure else ""
    return f"{collection_and_id(task.name)[1]}  {task.state}  {task.title}{failure}"


def listed(lines: Sequence[str], noun: str, *, more: bool) -> str:
    """Return a list with its count, and whether there is more of it."""
    if not lines:
        return f"No {noun}s."
    plural = "s" if len(lines) > 1 else ""
    first = f"The first {len(lines)}" if more else str(len(lines))
    return "\n".join([f"{first} {noun}{plural}:", *(f"- {line}" for line in lines)])
