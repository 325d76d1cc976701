"""Calls that were refused, as metrics and the audit log tell of them."""

from typing import Final

from services.mesh import metrics
from services.mesh.audit.entry import Caller
from services.mesh.audit.recorder import Recorder
from services.mesh.errors import AdjutantError

_DENIALS: Final = frozenset(
    {
        "UNAUTHENTICATED",
        "INVALID_CREDENTIAL",
        "INVALID_PLATFORM",
        "PERMISSION_DENIED",
        "INVALID_REPORT_TOKEN",
    }
)
"""Reasons that the audit log tells of."""


def note_denial(
    recorder: Recorder, error: BaseException, caller: Caller, method: str, resource: str
) -> None:
    """Tell of a call that failed, where it did because somebody may not make it."""
    if isinstance(error, AdjutantError) and error.reason in _DENIALS:
        metrics.denied(method, error.reason)
        recorder.denied(error.reason, caller, method, resource)
