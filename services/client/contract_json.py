"""Messages as the contract's JSON (proto3 JSON), one object on one line."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import json_format

from adjutant_messages.message_pool import default_message_pool

if TYPE_CHECKING:
    import betterproto2
    from google.protobuf.message import Message


def to_json(message: betterproto2.Message) -> str:
    """Return a message as one line of proto3 JSON.

    It goes through the reference runtime, from the same bytes: betterproto's
    own JSON is wrong for field masks and for negative durations.
    """
    parsed = _reference_type(type(message)).FromString(bytes(message))
    return json_format.MessageToJson(parsed, indent=None, ensure_ascii=False)


@functools.cache
def _reference_type(kind: type[betterproto2.Message]) -> type[Message]:
    full_name = default_message_pool.type_to_url[kind].rpartition("/")[2]
    package_name, _, name = full_name.rpartition(".")
    package = importlib.import_module(package_name)
    for info in pkgutil.iter_modules(package.__path__, f"{package_name}."):
        if info.name.endswith("_pb2"):
            module: Any = importlib.import_module(info.name)
            if hasattr(module, name):
                return cast("type[Message]", getattr(module, name))
    raise LookupError(f"no generated module of {package_name} holds {name}")
