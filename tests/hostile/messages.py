"""Hypothesis strategies for messages of the contract, and for what is left of them on a bad day."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

MAX_DEPTH = 3
MAX_ELEMENTS = 3
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 30),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}
_FLOATS = st.floats(width=32)
# A runner runs what it is told; random text is not for a shell.
_HARMLESS = {"command_line": "true", "verify_command": "true"}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], names: Sequence[str]) -> Message:
    """Return a message whose fields have the right types, and otherwise anything."""
    message = kind()
    _fill(draw, message, names, 0)
    return message


def _fill(draw: st.DrawFn, message: Any, names: Sequence[str], depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if depth < MAX_DEPTH:
                _fill_inner(draw, message, field, names, depth)
        elif field.is_repeated:
            values = draw(st.lists(_values(field, names), max_size=MAX_ELEMENTS))
            getattr(message, field.name).extend(values)
        else:
            setattr(message, field.name, draw(_values(field, names)))


def _fill_inner(
    draw: st.DrawFn, message: Any, field: Any, names: Sequence[str], depth: int
) -> None:
    inner = getattr(message, field.name)
    if field.is_repeated:
        for _ in range(draw(st.integers(0, MAX_ELEMENTS))):
            _fill(draw, inner.add(), names, depth + 1)
    else:
        inner.SetInParent()
        _fill(draw, inner, names, depth + 1)


def _values(field: Any, names: Sequence[str]) -> st.SearchStrategy[Any]:
    if field.name in _HARMLESS:
        return st.just(_HARMLESS[field.name])
    if field.type == FieldDescriptor.TYPE_STRING:
        text = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
        return st.sampled_from(names) | text
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=50)
    return _INTEGERS.get(field.cpp_type, _FLOATS)


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes with some of them changed, cut out, put in, or cut off."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(changed)))
        match draw(st.sampled_from(("change", "remove", "insert", "cut"))):
            case "change":
                changed[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "remove":
                del changed[at : at + draw(st.integers(1, 10))]
            case "insert":
                changed[at:at] = draw(st.binary(max_size=10))
            case _:
                del changed[at:]
    return bytes(changed)
