"""The second line: nothing of another client is touched within a call.

The first line is the authorizer. If it ever lets a wrong name through, the store, the
streams and the blobs find that the name is not the call's client's, and know nothing of it.
"""

import logging

from services.mesh.access.caller import current_call

log = logging.getLogger(__name__)


def client_of(name: str) -> str:
    """Return the client's id of any name that lies in one; empty for others."""
    collection, _, rest = name.partition("/")
    return rest.partition("/")[0] if collection == "clients" else ""


def is_within(name: str) -> bool:
    """Tell whether the call under way may touch a name; outside of a call all may be touched."""
    call = current_call()
    if call is None or not call.resource or client_of(name) == client_of(call.resource):
        return True
    log.error("%s on one client's resource came to another's; it was stopped", call.method)
    return False
