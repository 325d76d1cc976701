"""How records stand in MongoDB: one document each, which holds its waiting events too.

    {_id: name, parent, revision, request_key, request_digest, body: {…},
     outbox: [{id, event, headers}, …], oldest,
     intent: {token, until, parent, body}}

A document without a `body` is no record: of a removed record it keeps the events
that wait, of a guarded insert the name. `oldest` is the id of the first event in
`outbox`, or an earlier one, so that an index finds what waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from services.mesh.names import parent_of
from services.mesh.store.port import Collection, R, Record, RequestKey

Document = dict[str, Any]
OUTBOX: Final = "outbox"
"""Collection of events that were committed without a record."""
NOTHING: Final = "~"
"""`oldest` where no event waits: after every id in ASCII."""
BARE: Final[Document] = {"body": None, "intent": None, "oldest": NOTHING}
"""What a document has that is no record, keeps no event and reserves no name."""
# MongoDB's older servers refuse these in names of fields, and all of them give them a meaning.
_ESCAPED: Final = str.maketrans({"%": "%25", ".": "%2E", "$": "%24", "\0": "%00"})
_NAMES: Final = (("%00", "\0"), ("%24", "$"), ("%2E", "."), ("%25", "%"))


@dataclass(frozen=True)
class Waiting:
    """Position of an event in the outbox."""

    collection: str
    name: str
    """The document that holds it."""
    event_id: str
    element: Document = field(compare=False)
    """It, as it stands there."""


def body_of(record: Record) -> Document:
    """Return a record as it is stored."""
    body: Document = _stored(record.model_dump(mode="json"))
    return body


def record_of(collection: Collection[R], body: Document) -> R:
    """Return the record that is stored."""
    return collection.record.model_validate(_read(body))


def elements_of(events: Sequence[event_pb2.Event], headers: Mapping[str, str]) -> list[Document]:
    """Return events as they stand in an outbox."""
    return [
        {"id": event.event_id, "event": event.SerializeToString(), "headers": dict(headers)}
        for event in events
    ]


def keys_of(record: Record, request: RequestKey | None) -> Document:
    """Return what is unique beside the name; a name stands for itself where no request does."""
    key = f"{request.parent} {request.request_id}" if request and request.request_id else None
    return {
        "request_key": key or record.name,
        "request_digest": request.digest if request else None,
    }


def empty(name: str) -> Document:
    """Return a document that is no record."""
    return {
        "_id": name,
        "parent": None,
        "revision": 0,
        "request_key": name,
        "request_digest": None,
        "outbox": [],
        "oldest": NOTHING,
    }


def standing(record: Record) -> Document:
    """Return the fields that make a document the record."""
    return {
        "parent": parent_of(record.name),
        "revision": record.revision,
        "body": body_of(record),
    }


def committed(fields: Document, elements: Sequence[Document], *unset: str) -> Document:
    """Return the update that writes fields and announces them with events, in one."""
    update: Document = {"$set": dict(fields)}
    if elements:
        update["$min"] = {"oldest": min(element["id"] for element in elements)}
        update["$push"] = {"outbox": {"$each": list(elements)}}
    if unset:
        update["$unset"] = dict.fromkeys(unset, "")
    return update


def whole(document: Document, elements: Sequence[Document]) -> Document:
    """Return a new document with events in it."""
    if not elements:
        return document
    oldest = min(element["id"] for element in elements)
    return {**document, "outbox": list(elements), "oldest": oldest}


def _stored(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.translate(_ESCAPED): _stored(held) for key, held in value.items()}
    return [_stored(held) for held in value] if isinstance(value, list) else value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {_name(key): _read(held) for key, held in value.items()}
    return [_read(held) for held in value] if isinstance(value, list) else value


def _name(key: str) -> str:
    if "%" in key:
        for escaped, character in _NAMES:
            key = key.replace(escaped, character)
    return key
