"""Client channels between services: retries, deadlines, traces and a type guard."""

import json
from collections.abc import Callable
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool, message_factory
from opentelemetry.instrumentation.grpc import aio_client_interceptors

from services.mesh.identity.authenticator import TOKEN_HEADER
from services.mesh.identity.platform import HEADER as PLATFORM_HEADER
from services.mesh.interceptors.deadline import remaining_s

Bearer = Callable[[], str]
"""Gives the token that the next call shows."""

DEFAULT_TIMEOUT_S: Final = 10.0
_SERVICE_CONFIG: Final = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS: Final = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 2**20),
    # A service that was restarted is found again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(address: str, bearer: Bearer) -> grpc.aio.Channel:
    """Return a channel to a service; close it when done.

    `bearer` gives the token that each call shows, as `services.mesh.identity.service_token`
    makes one.
    """
    tracing = aio_client_interceptors()  # type: ignore[no-untyped-call]  # theirs is untyped
    chain = [*tracing, _Unary(bearer), _Stream(bearer)]
    return grpc.aio.insecure_channel(address, options=_OPTIONS, interceptors=chain)


# One object per kind of call: an interceptor that is several kinds counts as the first only.
class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, bearer: Bearer) -> None:
        self._bearer = bearer

    async def intercept_unary_unary(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        _guard(client_call_details.method, request)
        details = _within_deadline(_shown(client_call_details, self._bearer))
        return await continuation(details, request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, bearer: Bearer) -> None:
        self._bearer = bearer

    async def intercept_unary_stream(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        _guard(client_call_details.method, request)
        return await continuation(_shown(client_call_details, self._bearer), request)


def _shown(details: grpc.aio.ClientCallDetails, bearer: Bearer) -> grpc.aio.ClientCallDetails:
    """Return a call's details with who makes it."""
    metadata = grpc.aio.Metadata(
        *(details.metadata or ()),
        (TOKEN_HEADER, f"Bearer {bearer()}"),
        (PLATFORM_HEADER, "service"),
    )
    return grpc.aio.ClientCallDetails(
        details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
    )


def _within_deadline(details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
    left_s = remaining_s()
    limits = [limit for limit in (details.timeout, left_s) if limit is not None]
    timeout = min(limits) if limits else DEFAULT_TIMEOUT_S
    return grpc.aio.ClientCallDetails(
        details.method, timeout, details.metadata, details.credentials, details.wait_for_ready
    )


def _guard(method: str | bytes, request: Any) -> None:
    """Raise TypeError for a wrong message; gRPC would send an empty one and succeed."""
    path = method.decode() if isinstance(method, bytes) else method
    service, _, name = path.strip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    expected = message_factory.GetMessageClass(found.input_type)
    if type(request) is not expected:
        raise TypeError(f"{path} takes {expected.__name__}, not {type(request).__name__}")
