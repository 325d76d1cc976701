"""Events and where they stand in the log.

The subject is `adjutant.event.<client>.<project>.<collection>.<id>.<kind>`, with `_` for the
project of what is in none: a client, a group, and what is theirs.
Whatever belongs to a task stands under the task, its runs and approvals too,
so that one subject holds a task's whole story in order.
"""

from typing import Any, Final, cast

from adjutant.event.v1 import event_pb2
from services.mesh.names import collection_and_id, new_id, project_of

SUBJECT_PREFIX: Final = "adjutant.event"
PAYLOAD_KINDS: Final = {
    field.name: field.number
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields
}
"""Payload field name to its EventKind."""
_FIELD_OF_KIND: Final = {number: name for name, number in PAYLOAD_KINDS.items()}


def new_event(*, resource: str, task: str = "", **payload: Any) -> event_pb2.Event:
    """Return an event with exactly one payload, given by its field's name."""
    (field,) = payload
    kind = cast("event_pb2.EventKind", PAYLOAD_KINDS[field])
    event = event_pb2.Event(event_id=new_id(), kind=kind, resource=resource, task=task, **payload)
    event.time.GetCurrentTime()
    return event


def subject_of(event: event_pb2.Event) -> str:
    """Return the subject that the event is published on."""
    return f"{subject_of_resource(event.task or event.resource)}.{kind_token(event.kind)}"


def subject_of_resource(name: str) -> str:
    """Return the subject, less the kind, of everything under a task or lone resource."""
    client, project = project_of(name)
    collection, resource_id = collection_and_id(name)
    return f"{SUBJECT_PREFIX}.{client}.{project}.{collection}.{resource_id}"


def subject_of_project(parent: str) -> str:
    """Return the subject, less the rest, of everything in a project."""
    client, project = project_of(parent)
    return f"{SUBJECT_PREFIX}.{client}.{project}"


def kind_token(kind: int) -> str:
    """Return the kind as it stands in a subject: the payload's field name."""
    return _FIELD_OF_KIND[kind]
