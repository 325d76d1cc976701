"""Events and where they stand in the log.

The subject is `adjutant.event.<client>.<project>.<collection>.<id>.<kind>`, with `_` for the
project of what is in none: a client, a group, and what is theirs.
Whatever belongs to a task stands under the task, its runs and approvals too,
so that one subject holds a task's whole story in order.

Entries of the audit log stand apart, in a stream of their own: their subject is
`adjutant.audit.<client>.<project>.<kind>`, with `_` for what there is none of.
"""

import re
from typing import Any, Final, cast

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import event_pb2
from services.mesh.names import NO_PROJECT, collection_and_id, new_id, project_of

SUBJECT_PREFIX: Final = "adjutant.event"
AUDIT_PREFIX: Final = "adjutant.audit"
PAYLOAD_KINDS: Final = {
    field.name: field.number
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields
}
"""Payload field name to its EventKind."""
_FIELD_OF_KIND: Final = {number: name for name, number in PAYLOAD_KINDS.items()}
_ID: Final = re.compile(r"[a-z0-9-]{1,63}")
_NONE: Final = "_"


def new_event(*, resource: str, task: str = "", **payload: Any) -> event_pb2.Event:
    """Return an event with exactly one payload, given by its field's name."""
    (field,) = payload
    kind = cast("event_pb2.EventKind", PAYLOAD_KINDS[field])
    event = event_pb2.Event(event_id=new_id(), kind=kind, resource=resource, task=task, **payload)
    event.time.GetCurrentTime()
    return event


def subject_of(event: event_pb2.Event) -> str:
    """Return the subject that the event is published on."""
    if event.kind == event_pb2.EVENT_KIND_AUDIT_RECORDED:
        return _audit_subject(event)
    return f"{subject_of_resource(event.task or event.resource)}.{kind_token(event.kind)}"


def subject_of_resource(name: str) -> str:
    """Return the subject, less the kind, of everything under a task or lone resource."""
    client, project = project_of(name)
    collection, resource_id = collection_and_id(name)
    return f"{SUBJECT_PREFIX}.{client}.{project}.{collection}.{resource_id}"


def subject_of_project(parent: str) -> str:
    """Return the subject, less the rest, of everything in a project, or in a client and all its."""
    client, project = project_of(parent)
    return f"{SUBJECT_PREFIX}.{client}.{'*' if project == NO_PROJECT else project}"


def audit_token(kind: int) -> str:
    """Return the kind of an audit entry as it stands in a subject, such as `denial`."""
    name = access_pb2.AuditKind.Name(cast("access_pb2.AuditKind", kind))
    return name.removeprefix("AUDIT_KIND_").lower()


def _audit_subject(event: event_pb2.Event) -> str:
    parts = event.resource.split("/")
    client = _id_at(parts, 1, "clients")
    project = _id_at(parts, 3, "projects") if client != _NONE else _NONE
    return f"{AUDIT_PREFIX}.{client}.{project}.{audit_token(event.audit_recorded.kind)}"


def _id_at(parts: list[str], place: int, collection: str) -> str:
    """Return an id of a resource's name; `_` where it has none there.

    A refused call may have named anything, dots and wildcards among it.
    """
    if len(parts) > place and parts[place - 1] == collection and _ID.fullmatch(parts[place]):
        return parts[place]
    return _NONE


def kind_token(kind: int) -> str:
    """Return the kind as it stands in a subject: the payload's field name."""
    return _FIELD_OF_KIND[kind]
