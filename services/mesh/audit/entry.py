"""One entry of the audit log."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from opentelemetry import trace

from adjutant.common.v1 import access_pb2, error_reason_pb2
from adjutant.event.v1 import access_events_pb2, event_pb2
from services.mesh.events.envelope import new_event
from services.mesh.identity import Principal

MAX_TEXT: Final = 300
"""Characters of what others wrote that an entry keeps."""
# What a refused call named may be anything, a secret in the wrong field among it; what is
# no resource's name is not written down.
_RESOURCE: Final = re.compile(r"clients/[a-zA-Z0-9-]{1,63}(/[a-zA-Z0-9_.-]{1,63}){0,8}")
_PLATFORM: Final = re.compile(r"[A-Za-z0-9._/-]{1,40}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called, from where; nothing of it is secret."""

    principal: Principal | None = None
    """Who it is; None where nobody could be made out."""
    peer: str = ""
    """Network address, as gRPC gives it."""
    platform: str = ""
    """What the caller said it runs on."""


def new_entry(
    service: str,
    kind: int,
    caller: Caller,
    method: str,
    resource: str,
    *,
    denial: str = "",
    details: Iterable[access_events_pb2.AuditDetail] = (),
) -> event_pb2.Event:
    """Return an entry for one call, with the current trace. `denial` is a reason of errors.py."""
    who = caller.principal
    recorded = access_events_pb2.AuditRecorded(
        kind=cast("access_pb2.AuditKind", kind),
        principal=_clip(who.name) if who else "",
        on_behalf_of=_clip(who.on_behalf_of) if who else "",
        credential=_clip(who.credential) if who else "",
        method=_clip(method),
        denial=_reason(denial),
        peer=_clip(caller.peer),
        platform=caller.platform if _PLATFORM.fullmatch(caller.platform) else "",
        count=1,
        trace=trace_text(trace_number()),
        service=service,
        details=details,
    )
    event = new_event(resource=named(resource), audit_recorded=recorded)
    recorded.first_time.CopyFrom(event.time)
    event.audit_recorded.CopyFrom(recorded)
    return event


def repeated(first: event_pb2.Event, count: int, since: datetime, trace: int) -> event_pb2.Event:
    """Return the entry for calls like an earlier one, which is not counted again."""
    event = new_event(resource=first.resource, audit_recorded=first.audit_recorded)
    recorded = event.audit_recorded
    recorded.count = count
    recorded.first_time.FromDatetime(since)
    recorded.trace = trace_text(trace)
    return event


def named(resource: str) -> str:
    """Return a resource's name; empty where the text is none."""
    return resource if _RESOURCE.fullmatch(resource) else ""


def project_part(resource: str) -> str:
    """Return the part of a name that says in which client, group or project it lies."""
    return "/".join(resource.split("/")[:4])


def trace_number() -> int:
    """Return the current trace's id; 0 where there is none."""
    return trace.get_current_span().get_span_context().trace_id


def trace_text(number: int) -> str:
    """Return a trace's id in hex; empty for 0."""
    return format(number, "032x") if number else ""


def _reason(denial: str) -> error_reason_pb2.ErrorReason:
    if not denial:
        return error_reason_pb2.ERROR_REASON_UNSPECIFIED
    number = error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{denial}")
    return cast("error_reason_pb2.ErrorReason", number)


def _clip(text: str) -> str:
    return text[:MAX_TEXT]
