"""Checks every request against the rules in the contract."""

from typing import Any

import protovalidate
from google.protobuf.message import Message

from services.mesh.errors import AdjutantError, Violation


class Validation:
    """Refuses requests that break a rule, with every field that does."""

    def __init__(self) -> None:
        self._validator = protovalidate.Validator()

    def check(self, request: Message) -> None:
        """Raise INVALID_REQUEST where the request breaks a rule."""
        found = self._validator.collect_violations(request)
        if not found:
            return
        violations = tuple(Violation(_path(v.proto.field), v.proto.message or "") for v in found)
        listed = "; ".join(f"{v.field}: {v.description}" for v in violations[:3])
        raise AdjutantError("INVALID_REQUEST", f"{listed}.", violations=violations)


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
