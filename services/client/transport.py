"""Calls over grpc.aio: channels, deadlines, retries, traces, and errors of our own tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import betterproto2
import grpc
import grpc.aio
from opentelemetry import trace

from services.client.errors import ConfigurationError, from_rpc_error
from services.client.identity import Identity
from services.client.tracing import CallSpan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

Request = TypeVar("Request", bound=betterproto2.Message)
Response = TypeVar("Response", bound=betterproto2.Message)

MESSAGE_LIMIT_BYTES: Final = 8 * 1024 * 1024

_SERVICE_CONFIG: Final = {
    "methodConfig": [
        {
            "name": [{}],
            # All may be repeated: what changes something has a request id or is idempotent.
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_CHANNEL_OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # A service that restarts is back within seconds; gRPC's own back-off goes up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
]


@dataclass(frozen=True)
class Method(Generic[Request, Response]):
    """A method of the contract."""

    service: str
    """The service that answers, as in `orchestrator`."""
    path: str
    """The method's path on the wire, as in `/adjutant.orchestrator.v1.TaskService/GetTask`."""
    request: type[Request]
    response: type[Response]

    def serialize(self, message: object) -> bytes:
        """Return a request's bytes.

        Raises ConfigurationError for another type: inside gRPC's own
        serializer an exception would send an empty message instead.
        """
        if not isinstance(message, self.request):
            wanted, got = self.request.__name__, type(message).__name__
            raise ConfigurationError(f"{self.path} takes a {wanted}, not a {got}")
        return bytes(message)


class Transport:
    """The channels of one client, opened when first used, and the two kinds of call."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        identity: Identity | None = None,
        *,
        timeout_s: float = 15.0,
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        self._addresses: Final = addresses
        self._identity: Final = identity or Identity()
        self._timeout_s: Final = timeout_s
        self._tracer: Final = trace.get_tracer(__name__, tracer_provider=tracer_provider)
        self._channels: Final[dict[str, grpc.aio.Channel]] = {}

    async def unary(self, method: Method[Request, Response], request: Request) -> Response:
        """Call a method that answers once.

        Raises the errors of `services.client.errors`.
        """
        body = method.serialize(request)
        shown = self._identity.metadata(self._address(method.service))
        span, code = CallSpan(method.path, self._tracer), grpc.StatusCode.CANCELLED
        call = self._channel(method.service).unary_unary(
            method.path, request_serializer=bytes, response_deserializer=method.response.parse
        )
        try:
            metadata = (*span.metadata(), *shown)
            answer: Response = await call(body, timeout=self._timeout_s, metadata=metadata)
            code = grpc.StatusCode.OK
            return answer
        except grpc.aio.AioRpcError as error:
            code = error.code()
            raise self._translated(error, method.service) from error
        finally:
            span.end(code)

    async def stream(
        self, method: Method[Request, Response], request: Request
    ) -> AsyncIterator[Response]:
        """Call a method that answers with a stream; ending the iteration ends the call.

        Raises the errors of `services.client.errors`.
        """
        body = method.serialize(request)
        shown = self._identity.metadata(self._address(method.service))
        span, code = CallSpan(method.path, self._tracer), grpc.StatusCode.CANCELLED
        call = self._channel(method.service).unary_stream(
            method.path, request_serializer=bytes, response_deserializer=method.response.parse
        )(body, metadata=(*span.metadata(), *shown))
        try:
            async for answer in call:
                yield answer
            code = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            code = error.code()
            raise self._translated(error, method.service) from error
        finally:
            call.cancel()
            span.end(code)

    async def close(self) -> None:
        """Close every channel; calls under way end."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    def _translated(self, error: grpc.aio.AioRpcError, service: str) -> Exception:
        return from_rpc_error(error, service, self._address(service))

    def _address(self, service: str) -> str:
        try:
            return self._addresses[service]
        except KeyError:
            raise ConfigurationError(f"no address is known for the {service} service") from None

    def _channel(self, service: str) -> grpc.aio.Channel:
        address = self._address(service)
        if address not in self._channels:
            self._channels[address] = self._identity.channel(
                address, _SERVICE_CONFIG, _CHANNEL_OPTIONS
            )
        return self._channels[address]
