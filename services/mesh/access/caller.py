"""The call under way: who makes it, and within what it was allowed.

It stands in a context variable, as the deadline does, and is over as soon as the
call is answered: a task that a call leaves running is nobody's.
"""

import contextvars
from dataclasses import dataclass, field

from adjutant.event.v1 import event_pb2
from services.mesh.identity import Principal


@dataclass
class Call:
    """A call that was let in."""

    principal: Principal
    """Who makes it."""
    method: str
    """What is called, `adjutant.orchestrator.v1.TaskService/GetTask`."""
    resource: str
    """The resource that it was allowed on; empty means the mesh."""
    audit: list[event_pb2.Event] = field(default_factory=list)
    """Entries for the audit log that wait for the call's first commit, to be part of it."""
    answered: bool = False
    """Whether it is over."""


_call: contextvars.ContextVar[Call | None] = contextvars.ContextVar("call", default=None)


def begin(call: Call) -> None:
    """Note the call that this context works for."""
    _call.set(call)


def current_call() -> Call | None:
    """Return the call under way; None outside of one, or when it is answered."""
    call = _call.get()
    return None if call is None or call.answered else call


def actor() -> str:
    """Return the principal whose wish this is; empty outside of a call."""
    call = current_call()
    return call.principal.actor if call else ""
