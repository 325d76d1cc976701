"""What clients of providers raise, as our failures."""

import contextlib
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from langchain_core.exceptions import ContextOverflowError, ModelError

from services.mesh.secrets.redact import redact
from services.orchestrator.models.failures import FailureKind, ModelFailure

_MOST_TEXT: Final = 300
_TOO_LONG: Final = re.compile("maximum context length|exceeds the available context size")
"""What vLLM and llama.cpp say, which speak as OpenAI and have no code for it."""
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
    if _is_too_long(error):
        return FailureKind.CONTEXT_TOO_LONG
    if _never_connected(error):
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


def _is_too_long(error: Exception) -> bool:
    code = getattr(error, "code", None)
    refused = getattr(error, "status_code", None) == 400
    return (
        isinstance(error, ContextOverflowError)
        or code == "context_length_exceeded"
        or (refused and _TOO_LONG.search(str(error)) is not None)
    )


def _never_connected(error: BaseException | None) -> bool:
    """Tell whether there was no connection at all, so that nothing can have been charged.

    Clients stand on several packages, whose exceptions for it have the same names; Ollama's
    raises ConnectionError itself, and for nothing else.
    """
    while error is not None:
        names = {each.__name__ for each in type(error).__mro__}
        if names & {"ConnectError", "ConnectTimeout"} or type(error) is ConnectionError:
            return True
        error = error.__cause__
    return False


def _retry_after_s(error: Exception) -> float | None:
    """Return the seconds that the provider's Retry-After names, as a number or as a time."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    text = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(text)) if math.isfinite(float(text)) else None
    with contextlib.suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    return None
