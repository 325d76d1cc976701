"""What a call asked for, as it stands in its entry: the fields that the contract names."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from adjutant.event.v1 import access_events_pb2
from services.mesh.access.contract import values_at
from services.mesh.secrets.redact import redact

MAX_VALUE: Final = 300
"""Characters of a value that an entry keeps."""


def details_of(request: Message, paths: Iterable[str]) -> Iterator[access_events_pb2.AuditDetail]:
    """Yield the fields of a request that hold something, by their paths in the contract.

    A field of several messages, such as the answers of a batch, is told once for each of them.
    """
    for path in paths:
        *parents, name = path.split(".")
        for holder in values_at(request, parents) if parents else [request]:
            field: Any = holder.DESCRIPTOR.fields_by_name[name]
            if value := _text(field, getattr(holder, name)):
                yield access_events_pb2.AuditDetail(field=path, value=redact(value)[:MAX_VALUE])


def _text(field: FieldDescriptor, value: Any) -> str:
    """Return a field's value in words; empty where it holds nothing."""
    if not value:
        return ""
    if field.enum_type is not None:
        values = value if field.is_repeated else [value]
        return ", ".join(field.enum_type.values_by_number[number].name for number in values)
    if field.message_type is not None:  # a mask of fields
        return ", ".join(value.paths)
    return str(value)
