"""Filters of event streams, and the cursors that resume them.

A cursor binds the log's epoch, a sequence and the filter. It is opaque to
callers; one that was given for another filter is refused, since the events
between would be skipped in silence.
"""

import base64
import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from functools import cached_property

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events.envelope import kind_token, subject_of_project, subject_of_resource

_LAYOUT = struct.Struct(">B8s8sQ")
_CHECKSUM = struct.Struct(">I")
_VERSION = 1


@dataclass(frozen=True)
class Filter:
    """What a stream carries."""

    parent: str
    """Project, or a client with all its projects; everything else is within it."""
    task: str = ""
    """Only what belongs to this task; empty means all."""
    resource: str = ""
    """Only what this resource announces; empty means all."""
    kinds: frozenset[int] = field(default_factory=frozenset)
    """Only these kinds; none means all."""

    def matches(self, event: event_pb2.Event) -> bool:
        """Tell whether the event belongs into the stream; its project is checked too."""
        # Whoever may follow a project need not be allowed to see its keys and connections.
        if event.kind == event_pb2.EVENT_KIND_ACCESS_CHANGED and event.resource != self.parent:
            return False
        return (
            (not self.task or event.task == self.task or event.resource == self.task)
            and (not self.resource or event.resource == self.resource)
            and (not self.kinds or event.kind in self.kinds)
            and f"{event.resource}/".startswith(f"{self.parent}/")
        )

    @cached_property
    def subjects(self) -> list[str]:
        """Subjects of the log that hold all that matches, and perhaps more."""
        if self.task:
            base = subject_of_resource(self.task)
        else:
            base = subject_of_project(self.parent) + ".*.*"
        if not self.kinds:
            return [base + ".>"]
        return [f"{base}.{kind_token(kind)}" for kind in sorted(self.kinds)]

    @cached_property
    def digest(self) -> bytes:
        """Eight bytes that stand for this filter in cursors."""
        text = repr((self.parent, self.task, self.resource, sorted(self.kinds)))
        return hashlib.sha256(text.encode()).digest()[:8]


@dataclass(frozen=True)
class Cursor:
    """A place in the log."""

    epoch: bytes
    """Eight bytes that change when the log is made anew."""
    sequence: int
    """Sequence of the last event that the reader has; 0 is before the first."""


def encode(cursor: Cursor, events: Filter) -> str:
    """Return the cursor as callers see it."""
    packed = _LAYOUT.pack(_VERSION, cursor.epoch, events.digest, cursor.sequence)
    checksum = _CHECKSUM.pack(zlib.crc32(packed))
    return base64.urlsafe_b64encode(packed + checksum).decode().rstrip("=")


def decode(text: str, events: Filter) -> Cursor:
    """Return a cursor that a caller gave back. INVALID_CURSOR."""
    try:
        version, epoch, digest, sequence = _LAYOUT.unpack(_intact(text))
    except (ValueError, struct.error):
        raise _invalid("is not one of ours") from None
    if version != _VERSION:
        raise _invalid("is not one of ours")
    if digest != events.digest:
        raise _invalid("was given for another filter")
    return Cursor(epoch, sequence)


def _intact(text: str) -> bytes:
    """Return what is in a cursor; ValueError or struct.error where anything was changed."""
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    content, checksum = packed[: _LAYOUT.size], packed[_LAYOUT.size :]
    if _CHECKSUM.unpack(checksum) != (zlib.crc32(content),):
        raise ValueError("the checksum does not match")
    if base64.urlsafe_b64encode(packed).decode().rstrip("=") != text:
        raise ValueError("written in another way")
    return content


def _invalid(problem: str) -> AdjutantError:
    return AdjutantError(
        "INVALID_CURSOR",
        f"The cursor {problem}; pass the cursor of the last frame to the same call with the "
        "same filter, or none to start over.",
        field="cursor",
    )
