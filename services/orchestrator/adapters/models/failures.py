"""What clients of providers raise, as our failures."""

import contextlib
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelConnectionError,
    ModelError,
    ModelTimeoutError,
)

from services.mesh.secrets.redact import redact
from services.orchestrator.models.failures import FailureKind, ModelFailure

_MOST_TEXT: Final = 300
_NEXT: Final = {
    FailureKind.RATE_LIMITED: "takes no more for now. Try again later",
    FailureKind.UNAVAILABLE: "cannot answer now. Try again later, or look whether it runs",
    FailureKind.TIMED_OUT: "did not answer in time. Try again later",
    FailureKind.REFUSED: "will not answer this. See its key, its address and the model's name",
    FailureKind.CONTEXT_TOO_LONG: "cannot hold so much. Shorten the request, or name another model",
    FailureKind.BROKEN: "broke off, or answered what cannot be understood. Try again",
}


def failure_of(error: Exception, provider: str, model: str) -> ModelFailure:
    """Return what an exception of a provider's client means."""
    if isinstance(error, ModelFailure):
        return error
    kind = _kind(error)
    said = redact(" ".join(str(error).split()))[:_MOST_TEXT] or type(error).__name__
    return ModelFailure(
        kind,
        f"{provider}/{model} {_NEXT[kind]}. It said: {said}",
        provider=provider,
        model=model,
        retry_after_s=_retry_after_s(error),
    )


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, ContextOverflowError):
        return FailureKind.CONTEXT_TOO_LONG
    if isinstance(error, ModelConnectionError | ModelTimeoutError | ConnectionError):
        return FailureKind.UNAVAILABLE
    if _connects(error):
        return FailureKind.UNAVAILABLE
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return _kind_of_status(status)
    # What says that another attempt may do better, and what nobody knows, such as a cut connection.
    if not isinstance(error, ModelError) or error.is_retryable:
        return FailureKind.BROKEN
    return FailureKind.REFUSED


def _kind_of_status(status: int) -> FailureKind:
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status in (408, 409, 425) or status >= 500:
        return FailureKind.UNAVAILABLE
    return FailureKind.CONTEXT_TOO_LONG if status == 413 else FailureKind.REFUSED


def _connects(error: Exception) -> bool:
    """Tell whether it could not connect; clients use several packages with exceptions alike."""
    return any(each.__name__ in ("ConnectError", "ConnectTimeout") for each in type(error).__mro__)


def _retry_after_s(error: Exception) -> float | None:
    """Return the seconds that the provider's Retry-After names, as a number or as a time."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    text = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(text)) if math.isfinite(float(text)) else None
    with contextlib.suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    return None
