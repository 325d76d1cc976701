"""Checks every request against the rules in the contract."""

from typing import Any, Final

import protovalidate
from google.protobuf.message import Message

from services.mesh.errors import AdjutantError, Violation
from services.mesh.interceptors.patterns import plainly

MAX_EXPLAINED: Final = 1000
"""Elements of lists up to which everything that is wrong is told."""


class Validation:
    """Refuses requests that break a rule, with every field that does."""

    def __init__(self) -> None:
        self._validator = protovalidate.Validator()

    def check(self, request: Message) -> None:
        """Raise INVALID_REQUEST where the request breaks a rule."""
        found = self._validator.collect_violations(request, fail_fast=True)
        if not found:
            return
        # Each violation takes some 3 KB: a million wrong elements in 2 MB would take gigabytes.
        if _elements(request) <= MAX_EXPLAINED:
            found = self._validator.collect_violations(request)
        violations = tuple(
            Violation(_path(v.proto.field), plainly(v.proto.message or "")) for v in found
        )
        listed = "; ".join(f"{v.field}: {v.description}" for v in violations[:3])
        raise AdjutantError("INVALID_REQUEST", f"{listed}.", violations=violations)


def _elements(message: Message) -> int:
    """Return how many elements the lists and maps of a message have, and of those in it."""
    count = 0
    for field, value in message.ListFields():
        many = value if _is_repeated(field) else [value]
        count += len(many)
        if count > MAX_EXPLAINED:
            return count
        if field.message_type and not field.message_type.GetOptions().map_entry:
            count += sum(_elements(one) for one in many)
    return count


def _is_repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _path(field: Any) -> str:
    if field is None:
        return ""
    return ".".join(element.field_name + _subscript(element) for element in field.elements)


def _subscript(element: Any) -> str:
    """Return the place in a list or map, such as `[3]`."""
    found = element.subscript
    if found is None:
        return ""
    return f'["{found.value}"]' if found.field == "string_key" else f"[{found.value}]"
