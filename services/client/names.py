"""Resource names, and what every answer must hold."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from services.client.errors import ConfigurationError, ServiceFaultError

Value = TypeVar("Value")

_ID: Final = re.compile(r"[a-z0-9-]{1,63}")


def project_name(client: str, project: str) -> str:
    """Return `clients/{client}/projects/{project}`; ConfigurationError where an id is none."""
    for kind, value in (("client", client), ("project", project)):
        if not _ID.fullmatch(value):
            raise ConfigurationError(
                f"the {kind} {value!r} is no id: lower-case letters, digits and dashes, at most 63"
            )
    return f"clients/{client}/projects/{project}"


def last_part(name: str) -> str:
    """Return the id of a resource, the last part of its name."""
    return name.rpartition("/")[2]


def present(value: Value | None) -> Value:
    """Return what an answer must hold; ServiceFaultError where it does not."""
    if value is None:
        raise ServiceFaultError("the service's answer is empty where the contract promises a value")
    return value
