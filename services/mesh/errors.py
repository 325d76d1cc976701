"""Errors that callers see: one table of reasons, one exception, one wire form.

Domain code raises AdjutantError; the errors interceptor sends it as a
`google.rpc.Status` with ErrorInfo, and BadRequest or RetryInfo where they
help. Anything else that is raised becomes INTERNAL with a trace id, and its
text stays in our log.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2

from services.mesh.secrets.redact import redact

DOMAIN: Final = "adjutant"
# gRPC drops trailers over about 8 KB and the caller would see RESOURCE_EXHAUSTED instead.
# The message travels twice: in the details, and percent-encoded beside them.
MAX_DETAILS_BYTES: Final = 6 * 1024
MAX_MESSAGE_BYTES: Final = 1500
MAX_METADATA_BYTES: Final = 2 * 1024
_MAX_TEXT_BYTES: Final = 500

_C = grpc.StatusCode
REASONS: Final[dict[str, grpc.StatusCode]] = {
    "INVALID_REQUEST": _C.INVALID_ARGUMENT,
    "INVALID_PLAN": _C.INVALID_ARGUMENT,
    "PLAN_CYCLE": _C.INVALID_ARGUMENT,
    "PLAN_REQUIRED": _C.INVALID_ARGUMENT,
    "INVALID_FILTER": _C.INVALID_ARGUMENT,
    "INVALID_PAGE_TOKEN": _C.INVALID_ARGUMENT,
    "INVALID_CURSOR": _C.INVALID_ARGUMENT,
    "REQUEST_ID_REUSED": _C.ALREADY_EXISTS,
    "NOT_FOUND": _C.NOT_FOUND,
    "ALREADY_EXISTS": _C.ALREADY_EXISTS,
    "ILLEGAL_TRANSITION": _C.FAILED_PRECONDITION,
    "CONCURRENT_CHANGE": _C.ABORTED,
    "APPROVAL_DECIDED": _C.FAILED_PRECONDITION,
    "ACTION_CHANGED": _C.FAILED_PRECONDITION,
    "STALE_FENCE": _C.ABORTED,
    "SLOW_CONSUMER": _C.RESOURCE_EXHAUSTED,
    "SHUTTING_DOWN": _C.UNAVAILABLE,
    "EVENT_LOG_UNAVAILABLE": _C.UNAVAILABLE,
    "STORE_UNAVAILABLE": _C.UNAVAILABLE,
    "DEADLINE_TOO_SHORT": _C.DEADLINE_EXCEEDED,
    "INTERNAL": _C.INTERNAL,
    "UNKNOWN_AGENT": _C.INVALID_ARGUMENT,
    "REPOSITORY_NOT_FOUND": _C.NOT_FOUND,
    "REVISION_NOT_FOUND": _C.NOT_FOUND,
    "PATCH_CONFLICT": _C.FAILED_PRECONDITION,
    "COMMAND_NOT_FOUND": _C.FAILED_PRECONDITION,
    "COMMAND_FAILED": _C.FAILED_PRECONDITION,
    "VERIFY_FAILED": _C.FAILED_PRECONDITION,
    "RUN_TIMEOUT": _C.DEADLINE_EXCEEDED,
    "RUN_STUCK": _C.DEADLINE_EXCEEDED,
    "RUN_LOST": _C.UNAVAILABLE,
    "RUN_CANCELLED": _C.CANCELLED,
    "STEP_FAILED": _C.FAILED_PRECONDITION,
    "APPROVAL_DENIED": _C.FAILED_PRECONDITION,
    "COMMIT_FAILED": _C.FAILED_PRECONDITION,
    "INVALID_REPORT_TOKEN": _C.PERMISSION_DENIED,
    "UNAUTHENTICATED": _C.UNAUTHENTICATED,
    "INVALID_CREDENTIAL": _C.UNAUTHENTICATED,
    "PERMISSION_DENIED": _C.PERMISSION_DENIED,
    "INVALID_PLATFORM": _C.INVALID_ARGUMENT,
    "RATE_LIMITED": _C.RESOURCE_EXHAUSTED,
    "TOO_MANY_STREAMS": _C.RESOURCE_EXHAUSTED,
    "STREAM_EXPIRED": _C.UNAVAILABLE,
    "ACCESS_UNKNOWN": _C.UNAVAILABLE,
    "NOT_EMPTY": _C.FAILED_PRECONDITION,
    "LAST_OWNER": _C.FAILED_PRECONDITION,
    "SECRET_UNREADABLE": _C.FAILED_PRECONDITION,
    "APPROVAL_EXPIRED": _C.FAILED_PRECONDITION,
    "INVALID_EDIT": _C.INVALID_ARGUMENT,
    "UNKNOWN_CHOICE": _C.INVALID_ARGUMENT,
    "TOO_MANY_ITERATIONS": _C.FAILED_PRECONDITION,
    "COST_LIMIT": _C.FAILED_PRECONDITION,
    "RESULT_MISSING": _C.FAILED_PRECONDITION,
    "RESULT_INVALID": _C.FAILED_PRECONDITION,
    "TEMPORARY_FAILURE": _C.UNAVAILABLE,
    "INVALID_SCHEDULE": _C.INVALID_ARGUMENT,
    "NOT_IN_QUEUE": _C.FAILED_PRECONDITION,
    "QUEUE_CROWDED": _C.FAILED_PRECONDITION,
    "TOO_MANY_MESSAGES": _C.FAILED_PRECONDITION,
    "BUDGET_EXHAUSTED": _C.RESOURCE_EXHAUSTED,
    "PRICE_UNKNOWN": _C.FAILED_PRECONDITION,
    "INVALID_PLACE": _C.INVALID_ARGUMENT,
    "RESPONSE_LOST": _C.UNAVAILABLE,
    "RESPONSE_TOO_LONG": _C.FAILED_PRECONDITION,
    "MLFLOW_NOT_CONFIGURED": _C.FAILED_PRECONDITION,
    "MLFLOW_UNAVAILABLE": _C.UNAVAILABLE,
    "TOOL_FAILED": _C.FAILED_PRECONDITION,
    "MODEL_RATE_LIMITED": _C.RESOURCE_EXHAUSTED,
    "MODEL_UNAVAILABLE": _C.UNAVAILABLE,
    "MODEL_REFUSED": _C.FAILED_PRECONDITION,
    "CONTEXT_TOO_LONG": _C.INVALID_ARGUMENT,
    "UNKNOWN_MODEL": _C.INVALID_ARGUMENT,
    "SESSION_FULL": _C.FAILED_PRECONDITION,
}
"""Every reason of `adjutant.common.v1.ErrorReason` and the canonical code it is sent with."""


@dataclass(frozen=True)
class Violation:
    """One field of a request and what is wrong with it."""

    field: str
    description: str


@dataclass
class AdjutantError(Exception):
    """Something that the caller is told: why, where and what to do next."""

    reason: str
    """A key of REASONS."""
    message: str
    """Plain English for people, ending with what to do next."""
    field: str = ""
    """The request's field that is wrong, where there is one."""
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    """Facts for programs."""
    retry_after_s: float | None = None
    """Seconds after which the same call may succeed; None where trying again does not help."""
    violations: tuple[Violation, ...] = ()
    """Each field that is wrong, where there are several."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    @property
    def code(self) -> grpc.StatusCode:
        """The canonical gRPC code."""
        return REASONS[self.reason]

    def within(self, field: str) -> "AdjutantError":
        """Return the same error of a message that is part of another, in the field of that name."""
        inner = [Violation(f"{field}.{each.field}", each.description) for each in self.violations]
        return dataclasses.replace(
            self, field=self.field and f"{field}.{self.field}", violations=tuple(inner)
        )

    def to_status(self) -> status_pb2.Status:
        """Return the error as it goes over the wire: under 6 KB, and without credentials."""
        text = _clip(redact(self.message), MAX_MESSAGE_BYTES)
        status = status_pb2.Status(code=self.code.value[0], message=text)
        _attach(status, self._info())
        if self.retry_after_s is not None:
            delay = duration_pb2.Duration()
            delay.FromNanoseconds(int(self.retry_after_s * 1e9))
            _attach(status, error_details_pb2.RetryInfo(retry_delay=delay))
        self._attach_violations(status)
        return status

    def _info(self) -> error_details_pb2.ErrorInfo:
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN)
        for key, value in self.metadata.items():
            name = _clip(key, _MAX_TEXT_BYTES)
            info.metadata[name] = _clip(redact(value), _MAX_TEXT_BYTES)
            if info.ByteSize() > MAX_METADATA_BYTES:
                del info.metadata[name]
                break
        return info

    def _attach_violations(self, status: status_pb2.Status) -> None:
        violations = self.violations
        if self.field and not violations:
            violations = (Violation(self.field, self.message),)
        request = error_details_pb2.BadRequest()
        room = MAX_DETAILS_BYTES - status.ByteSize() - 100
        for violation in violations:
            added = request.field_violations.add(
                field=_clip(violation.field, _MAX_TEXT_BYTES),
                description=_clip(redact(violation.description), _MAX_TEXT_BYTES),
            )
            if request.ByteSize() > room:
                request.field_violations.remove(added)
                break
        if request.field_violations:
            _attach(status, request)


class StoreUnavailableError(AdjutantError):
    """The document store does not answer; the same call may succeed later."""

    def __init__(
        self, message: str = "The document store does not answer just now; try again in a moment."
    ) -> None:
        super().__init__("STORE_UNAVAILABLE", message, retry_after_s=1.0)


def not_found(kind: str, name: str) -> AdjutantError:
    """Return the error for a name that nothing has; `kind` is a noun such as `task`."""
    kind = "API key" if kind == "apiKey" else kind
    return AdjutantError(
        "NOT_FOUND", f"There is no {kind} named {name}. List them to see which exist.", field="name"
    )


@contextlib.contextmanager
def suppress_not_found() -> Iterator[None]:
    """Let the block remove what somebody else may have removed already."""
    try:
        yield
    except AdjutantError as error:
        if error.reason != "NOT_FOUND":
            raise


def _attach(status: status_pb2.Status, detail: message.Message) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)


def _clip(text: str, limit_bytes: int) -> str:
    """Return as much of the text as takes no more bytes when percent-encoded.

    What is no Unicode, such as a half of a surrogate pair from a file's name, becomes `?`.
    """
    clean = text.encode(errors="replace").decode()
    room = limit_bytes
    for at, character in enumerate(clean):
        room -= 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode())
        if room < 0:
            return clean[:at]
    return clean
