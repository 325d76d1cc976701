"""How calls of models fail.

ModelFailure
    .kind            what happened, a `FailureKind`
    .transient       whether the same call may succeed later
    .retry_after_s   how long the provider asks to wait; None where it did not say
"""

from enum import StrEnum
from typing import Final

from services.mesh.errors import AdjutantError


class FailureKind(StrEnum):
    """What happened to a call."""

    RATE_LIMITED = "rate_limited"
    """The provider takes no more for now."""
    UNAVAILABLE = "unavailable"
    """It could not be reached, or said that it cannot answer now."""
    TIMED_OUT = "timed_out"
    """No token came for as long as is allowed."""
    REFUSED = "refused"
    """It will not answer this call, however often: credentials, an unknown model, a bad request."""
    CONTEXT_TOO_LONG = "context_too_long"
    """The request does not fit any model that could take it."""
    BROKEN = "broken"
    """It answered what cannot be understood, or broke off in the middle."""


_TRANSIENT: Final = frozenset(
    {FailureKind.RATE_LIMITED, FailureKind.UNAVAILABLE, FailureKind.TIMED_OUT, FailureKind.BROKEN}
)
_REASONS: Final = {
    FailureKind.RATE_LIMITED: "MODEL_RATE_LIMITED",
    FailureKind.UNAVAILABLE: "MODEL_UNAVAILABLE",
    FailureKind.TIMED_OUT: "MODEL_UNAVAILABLE",
    FailureKind.BROKEN: "MODEL_UNAVAILABLE",
    FailureKind.REFUSED: "MODEL_REFUSED",
    FailureKind.CONTEXT_TOO_LONG: "CONTEXT_TOO_LONG",
}


class ModelFailure(AdjutantError):  # noqa: N818 - the noun that it is called by
    """A call of a model that failed; `kind` says how, the message what to do."""

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        provider: str = "",
        model: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(_REASONS[kind], message)
        self.kind = kind
        self.provider = provider
        self.model = model
        self.retry_after_s = retry_after_s

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.kind in _TRANSIENT
