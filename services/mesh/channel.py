"""Client channels between services: who calls, retries, deadlines, traces and a type guard."""

from collections.abc import Callable
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool, message_factory
from opentelemetry.instrumentation.grpc import aio_client_interceptors

from services.mesh.access.caller import actor
from services.mesh.config import MeshSettings
from services.mesh.identity.authenticator import ON_BEHALF_OF_HEADER, TOKEN_HEADER
from services.mesh.identity.platform import HEADER as PLATFORM_HEADER
from services.mesh.identity.service_token import bearer
from services.mesh.identity.tls import channel_credentials
from services.mesh.interceptors.deadline import remaining_s
from services.ports import is_loopback
from services.targets import host_of, options_for, require_one_host, split, target_of

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
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 2**20),
    # A service that was restarted is found again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(
    address: str, settings: MeshSettings, token: Bearer | None = None
) -> grpc.aio.Channel:
    """Return a channel from the service of the settings to another; close it when done.

    `address` is HOST:PORT, or several of them, comma separated: the replicas of one service.
    The service shows its certificate, or its own token where certificates are not mutual, and
    says on whose behalf it calls. `token` gives somebody else's token to show.

    OSError where a file for that is missing, where the token would travel in clear, or where the
    addresses cannot be called together; calls raise OSError too while the mesh's key cannot be
    read.
    """
    credentials = channel_credentials(settings)
    if credentials is None and not all(is_loopback(host_of(each)) for each in split(address)):
        raise OSError(
            f"{settings.service} will not call {address} without TLS: its token would travel in "
            "clear. Set ADJUTANT_TLS=server or mutual, or have it answer on loopback."
        )
    is_service = token is None
    if is_service and settings.tls != "mutual":
        token = bearer(settings)
    identity = _Identity(token, is_service=is_service)
    tracing = aio_client_interceptors()  # type: ignore[no-untyped-call]  # theirs is untyped
    chain = [*tracing, _Unary(identity), _Stream(identity)]
    target, options = _called(address, has_tls=credentials is not None)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=chain)
    return grpc.aio.secure_channel(target, credentials, options=options, interceptors=chain)


def _called(address: str, *, has_tls: bool) -> tuple[str, list[tuple[str, Any]]]:
    """Return gRPC's target and options for the replicas of a service. OSError."""
    try:
        if has_tls:
            require_one_host(address)
        return target_of(address), options_for(address, _SERVICE_CONFIG, _OPTIONS)
    except ValueError as error:
        raise OSError(str(error)) from error


class _Identity:
    """What a call shows: whose it is."""

    def __init__(self, token: Bearer | None, *, is_service: bool) -> None:
        self._token = token
        self._is_service = is_service

    def added_to(self, metadata: grpc.aio.Metadata | None) -> grpc.aio.Metadata:
        """Return a call's metadata with who makes it, and on whose behalf."""
        added = grpc.aio.Metadata(*(metadata or ()))
        if self._token:
            added[TOKEN_HEADER] = f"Bearer {self._token()}"
        if self._is_service and added.get(ON_BEHALF_OF_HEADER) is None and (name := actor()):
            added[ON_BEHALF_OF_HEADER] = name
        added[PLATFORM_HEADER] = "service"
        return added


# One object per kind of call: an interceptor that is several kinds counts as the first only.
class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, identity: _Identity) -> None:
        self._identity = identity

    async def intercept_unary_unary(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        _guard(client_call_details.method, request)
        metadata = self._identity.added_to(client_call_details.metadata)
        timeout = _within_deadline(client_call_details.timeout)
        return await continuation(_changed(client_call_details, timeout, metadata), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, identity: _Identity) -> None:
        self._identity = identity

    async def intercept_unary_stream(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        _guard(client_call_details.method, request)
        metadata = self._identity.added_to(client_call_details.metadata)
        timeout = client_call_details.timeout
        return await continuation(_changed(client_call_details, timeout, metadata), request)


def _within_deadline(timeout_s: float | None) -> float:
    limits = [limit for limit in (timeout_s, remaining_s()) if limit is not None]
    return min(limits) if limits else DEFAULT_TIMEOUT_S


def _changed(
    details: grpc.aio.ClientCallDetails, timeout_s: float | None, metadata: grpc.aio.Metadata
) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        details.method, timeout_s, metadata, details.credentials, details.wait_for_ready
    )


def _guard(method: str | bytes, request: Any) -> None:
    """Raise TypeError for a wrong message; gRPC would send an empty one and succeed."""
    path = method.decode() if isinstance(method, bytes) else method
    service, _, name = path.strip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    expected = message_factory.GetMessageClass(found.input_type)
    if type(request) is not expected:
        raise TypeError(f"{path} takes {expected.__name__}, not {type(request).__name__}")
