"""What can go wrong, made from what a service answered.

AdjutantError
├── ConfigurationError       the client cannot use what it was given
├── UnreachableError         nobody answers there, or the service cannot serve now; try again
│   └── ShuttingDownError    the service drains; its successor will answer
├── DeadlineExceededError    no answer came in time; the call may have happened
├── RefusedError             the service understood, and said no
│   ├── InvalidRequestError      a field breaks its rule: see `violations`
│   ├── NotFoundError            no resource has this name
│   ├── AlreadyExistsError       the name or the request id is taken
│   ├── PreconditionError        the resource's state does not allow it
│   ├── ConflictError            somebody else changed the resource meanwhile
│   ├── UnauthenticatedError     it is not known who calls
│   ├── PermissionDeniedError    the caller may not do this
│   └── ExhaustedError           a limit is reached
│       └── SlowConsumerError        the reader fell too far behind
└── ServiceFaultError        a fault of the service, to report
    └── NotServedError           what answers there knows no such method
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import grpc
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DOMAIN: Final = "adjutant"
_STATUS_KEY: Final = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request that breaks its rule."""

    field: str
    """The field's path in the request, as in `repository.uri`; may be empty."""
    description: str
    """What is wrong with it, in plain English."""


@dataclass(frozen=True)
class Details:
    """What the service said of an error beside its code and message."""

    reason: str = ""
    """The contract's ErrorReason without its prefix, as in `NOT_FOUND`; empty where none came."""
    violations: tuple[FieldViolation, ...] = ()
    """The fields that break their rules."""
    retry_after_s: float | None = None
    """Seconds to wait before trying again; None where the service did not say."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the reason carries with it, as documented at the reason."""


class AdjutantError(Exception):
    """Any failure of the client; `str()` is one plain line with what to do next."""

    advice = ""
    """What to do next, where the kind of error knows."""

    def __init__(self, message: str, details: Details | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        """What happened, in plain English."""
        self.details: Final = details or Details()
        """What the service said of it beside the message."""

    @property
    def reason(self) -> str:
        """The contract's ErrorReason without its prefix; empty where none came."""
        return self.details.reason

    def __str__(self) -> str:
        parts = [self.message, *self._unsaid_violations()]
        advice = _ADVICE.get(self.reason, self.advice)
        if advice and advice not in self.message:
            parts.append(advice)
        return "; ".join(" ".join(part.split()).rstrip(".") for part in parts)

    def _unsaid_violations(self) -> Iterable[str]:
        for violation in self.details.violations:
            if violation.description not in self.message:
                where = f"{violation.field}: " if violation.field else ""
                yield where + violation.description


class ConfigurationError(AdjutantError):
    """The client cannot use what it was given: an address, a name, a type."""


class UnreachableError(AdjutantError):
    """Nobody answers at the address, or the service cannot serve just now."""

    advice = "start a mesh with `adjutant up`, or name one with --address"


class ShuttingDownError(UnreachableError):
    """The service drains; connect again, with the last cursor."""

    advice = "try again in a moment"


class DeadlineExceededError(AdjutantError):
    """No answer came in time; what was asked may have happened nevertheless."""

    advice = "try again; a repeated request is answered once"


class RefusedError(AdjutantError):
    """The service understood the request and said no; the same again is refused again."""


class InvalidRequestError(RefusedError):
    """A field of the request breaks its rule."""


class NotFoundError(RefusedError):
    """No resource has this name."""


class AlreadyExistsError(RefusedError):
    """The name is taken, or the request id came with another body before."""


class PreconditionError(RefusedError):
    """The resource's state does not allow what was asked."""


class ConflictError(RefusedError):
    """Somebody else changed the resource meanwhile."""

    advice = "read it again and repeat"


class UnauthenticatedError(RefusedError):
    """It is not known who calls: there was no token, or it is not accepted."""

    advice = (
        "set ADJUTANT_TOKEN or ADJUTANT_TOKEN_FILE; for a mesh on this machine "
        "`adjutant auth token` says where its owner's is"
    )


class PermissionDeniedError(RefusedError):
    """The caller may not do this."""


class ExhaustedError(RefusedError):
    """A limit of the service is reached."""


class SlowConsumerError(ExhaustedError):
    """The reader of a stream fell too far behind and was cut off."""


class ServiceFaultError(AdjutantError):
    """A fault of the service."""

    advice = "this is a fault of the service; its log says more"


class NotServedError(ServiceFaultError):
    """What answers knows no such method: it is another service, or another version."""

    advice = "see that the address is this service's, and that it is of the client's version"


_BY_CODE: Final[dict[grpc.StatusCode, type[AdjutantError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ExhaustedError,
    grpc.StatusCode.UNAVAILABLE: UnreachableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
}

_BY_REASON: Final[dict[str, type[AdjutantError]]] = {
    "SHUTTING_DOWN": ShuttingDownError,
    "SLOW_CONSUMER": SlowConsumerError,
}

_ADVICE: Final = {
    "REQUEST_ID_REUSED": "use a new request id",
    "EVENT_LOG_UNAVAILABLE": "try again in a moment",
    "STORE_UNAVAILABLE": "try again in a moment",
    "ACCESS_UNKNOWN": "if it lasts, what `adjutant up` printed says why",
}

_CONNECTION_LOST: Final = frozenset(
    {grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
)


def from_rpc_error(error: grpc.aio.AioRpcError, service: str, address: str) -> AdjutantError:
    """Make the error of our tree from what gRPC raised for a call to `service` at `address`."""
    code, text = error.code(), error.details() or ""
    details = _details_of(error)
    if details.reason in _BY_REASON:
        return _BY_REASON[details.reason](text, details)
    if not details.reason and _is_connection_lost(code, text):
        if "CERTIFICATE_VERIFY_FAILED" in text or "Hostname Verification" in text:
            return ConfigurationError(
                f"the certificate of the {service} service at {address} is not trusted; set "
                "ADJUTANT_TLS_CA to the file of the authority that signed it, and call it by a "
                "name that is in it"
            )
        # What a server with TLS does to a caller without.
        if "failed to connect" in text and "Socket closed" in text:
            return UnreachableError(
                f"the {service} service at {address} closes the connection; where it serves with "
                "TLS, set ADJUTANT_TLS_CA, and ADJUTANT_TLS_CERT where it asks for a certificate",
                details,
            )
        return UnreachableError(f"the {service} service does not answer at {address}", details)
    kind = _BY_CODE.get(code, ServiceFaultError)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return NotServedError(f"the {service} service at {address} has no such method", details)
    if kind is ExhaustedError and not details.reason and "larger than max" in text:
        text = f"the request is larger than the {service} service takes; make it smaller"
    if kind is DeadlineExceededError and not details.reason:
        text = f"the {service} service at {address} gave no answer in time"
    return kind(text or f"{service}: {code.name}", details)


def _is_connection_lost(code: grpc.StatusCode, text: str) -> bool:
    """Tell a broken connection, which gRPC reports by several codes, from an answer."""
    if code is grpc.StatusCode.UNAVAILABLE:
        return True
    signs = ("RST_STREAM", "Stream removed", "GOAWAY", "Socket closed", "CANCELLED")
    return code in _CONNECTION_LOST and any(sign in text for sign in signs)


def _details_of(error: grpc.aio.AioRpcError) -> Details:
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_KEY and isinstance(value, bytes):
            status.ParseFromString(value)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in (info, bad, retry):
            detail.Unpack(message)  # leaves a message of another type as it is
    return Details(
        reason=info.reason if info.domain == _DOMAIN else "",
        violations=tuple(FieldViolation(v.field, v.description) for v in bad.field_violations),
        retry_after_s=retry.retry_delay.ToTimedelta().total_seconds()
        if retry.HasField("retry_delay")
        else None,
        metadata=dict(info.metadata),
    )
