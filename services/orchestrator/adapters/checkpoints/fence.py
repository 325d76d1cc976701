"""Under which lease a pass writes its checkpoints."""

import contextlib
import contextvars
from collections.abc import Iterator

from langchain_core.runnables import RunnableConfig

from services.mesh.errors import AdjutantError
from services.mesh.lease import Lease

_lease: contextvars.ContextVar[Lease | None] = contextvars.ContextVar("lease", default=None)


@contextlib.contextmanager
def writing_under(lease: Lease) -> Iterator[None]:
    """Let the block write checkpoints for as long as the lease is held."""
    token = _lease.set(lease)
    try:
        yield
    finally:
        _lease.reset(token)


def check_lease() -> None:
    """Raise STALE_FENCE where the lease may have lapsed already: no write is needed to see that."""
    lease = _lease.get()
    if lease is not None:
        lease.check()


def fence_of(config: RunnableConfig) -> int:
    """Return the fence of a call; 0 where it was made without one."""
    return int(config["configurable"].get("fence", 0))


def stale(config: RunnableConfig) -> AdjutantError:
    """Return the error of whoever comes after a later holder."""
    thread = config["configurable"]["thread_id"]
    message = f"{thread} is held by somebody else now; this checkpoint is refused."
    return AdjutantError("STALE_FENCE", message)
