"""What makes requests that create something safe to repeat."""

import hashlib
from typing import Any

from services.mesh.store import RequestKey


def request_key(parent: str, request: Any) -> RequestKey:
    """Return the key of a request that has a `request_id`; the id is unique in the parent."""
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("request_id")
    digest = hashlib.sha256(body.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(parent, request.request_id, digest)
