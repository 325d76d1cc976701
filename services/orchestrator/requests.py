"""What makes requests safe to repeat, and safe from each other."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from google.protobuf import timestamp_pb2

from services.mesh.errors import AdjutantError
from services.mesh.store import Record, RequestKey


def request_key(parent: str, request: Any) -> RequestKey:
    """Return the key of a request that has a `request_id`; the id is unique in the parent."""
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("request_id")
    digest = hashlib.sha256(body.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(parent, request.request_id, digest)


def check_etag(record: Record, etag: str, field: str = "etag") -> None:
    """Raise CONCURRENT_CHANGE unless the caller knows the record as it is; empty means any.

    `field` is where the request has it.
    """
    if etag and etag != record.etag:
        raise AdjutantError(
            "CONCURRENT_CHANGE",
            f"{record.name} was changed meanwhile; read it again, and send its etag or none.",
            field=field,
        )


def moment(stamp: timestamp_pb2.Timestamp, field: str) -> datetime:
    """Return a request's time. INVALID_REQUEST where there is no such time."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = "This is no moment between the years 1 and 9999; send another."
        raise AdjutantError("INVALID_REQUEST", message, field=field) from None
