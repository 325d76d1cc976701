"""The call under way: who makes it, and within what it was allowed.

It stands in a context variable, as the deadline does, and is over as soon as the
call is answered: a task that a call leaves running is nobody's.
"""

import contextlib
import contextvars
from collections.abc import Iterator
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
    peer: str = ""
    """Network address of the caller, as gRPC gives it."""
    platform: str = ""
    """What the caller said it runs on."""
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


def latest_call() -> Call | None:
    """Return the call that this context works for, or did until it was answered."""
    return _call.get()


@dataclass
class Taken:
    """Audit entries that a commit took from the call under way."""

    events: list[event_pb2.Event]
    """The entries."""
    committed: bool = False
    """Whether they are committed; where not, they go back to the call."""


@contextlib.contextmanager
def audit_taken() -> Iterator[Taken]:
    """Take the call's audit entries for a commit, and give back what was not committed.

    Two commits of one call cannot both take an entry. One that was committed for a caller who
    had left by then is committed again when the call is finished; its id makes it one entry.
    """
    call = current_call()
    if call is None or not call.audit:
        yield Taken([])
        return
    taken = Taken(call.audit[:])
    call.audit.clear()
    try:
        yield taken
    finally:
        if not taken.committed:
            call.audit[:0] = taken.events


def actor() -> str:
    """Return the principal whose wish this is; empty outside of a call."""
    call = current_call()
    return call.principal.actor if call else ""
