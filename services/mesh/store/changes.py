"""What every adapter of the store port says and does alike."""

from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.store.port import R, Record, now

# A page travels in one message, and gRPC's own limit for a caller is 4 MB.
MAX_PAGE_BYTES: Final = 2 * 2**20
PURGE_BATCH: Final = 500
"""Records that are removed at once, so that other writes need not wait long."""


def next_revision(record: R) -> R:
    """Return a record as it is written over its present revision."""
    return record.model_copy(update={"revision": record.revision + 1, "update_time": now()})


def raise_fence(record: Record, fence: int) -> None:
    """Note who writes. STALE_FENCE where somebody with a later lease has written."""
    if record.fence > fence:
        message = f"{record.name} is held by somebody else now; this write is refused."
        raise AdjutantError("STALE_FENCE", message)
    record.fence = fence


def concurrent_change(name: str) -> AdjutantError:
    """Return the error of whoever writes over a revision that is no more."""
    return AdjutantError(
        "CONCURRENT_CHANGE",
        f"{name} was changed by somebody else; read it and try again.",
        retry_after_s=0.05,
    )


def already_exists(name: str) -> AdjutantError:
    """Return the error of a name that is taken."""
    message = f"{name} exists, or existed and was removed; choose another id."
    return AdjutantError("ALREADY_EXISTS", message, metadata={"name": name})


def request_id_reused() -> AdjutantError:
    """Return the error of a request_id that came with another body before."""
    return AdjutantError(
        "REQUEST_ID_REUSED",
        "This request_id was used with another body; use a new id for a new request.",
        field="request_id",
    )
