"""Calls of any method with any credential, and every byte that comes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from services.mesh.access.contract import Method, method_of
from tests.support.identities import Hierarchy, bearer, open_as
from tests.support.reflection import methods_of

Metadata = Sequence[tuple[str, str]]
STREAM_S: Final = 0.15
"""Seconds for which a stream is read after its first message."""
CALL_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True)
class Answer:
    """What a caller can see of a call."""

    code: grpc.StatusCode
    message: str = ""
    details: status_pb2.Status = field(default_factory=status_pb2.Status)
    bodies: tuple[bytes, ...] = ()
    """Each response."""
    metadata: bytes = b""
    """What came before and after them, names and values."""

    @property
    def reason(self) -> str:
        """The reason that the error gives, with its domain."""
        info = error_details_pb2.ErrorInfo()
        for detail in self.details.details:
            if detail.Unpack(info):
                return f"{info.domain}/{info.reason}"
        return ""

    @property
    def everything(self) -> bytes:
        """All bytes that came."""
        error = self.message.encode() + self.details.SerializeToString()
        return b"\n".join((*self.bodies, error, self.metadata))


class Mesh:
    """A mesh, with what reflection tells of it."""

    def __init__(self, port_base: int, owner_token: str) -> None:
        addresses = [f"127.0.0.1:{port_base + offset}" for offset in (1, 2, 5)]
        self.channels = [grpc.aio.insecure_channel(address) for address in addresses]
        self._owner_channel = open_as(addresses[0], owner_token)
        self._owner_token = owner_token
        self.hierarchy = Hierarchy(self._owner_channel)
        self.methods: dict[str, Method] = {}
        """Each method by the last two parts of its path, `TaskService/GetTask`."""
        self._channel_of: dict[str, grpc.aio.Channel] = {}

    async def discover(self) -> None:
        """Ask every service what it offers."""
        for channel in self.channels:
            for path in await methods_of(channel):
                short = path.rpartition(".")[2]
                self.methods[short] = method_of(path)
                self._channel_of[short] = channel

    async def close(self) -> None:
        """Hang up."""
        for channel in (*self.channels, self._owner_channel):
            await channel.close()

    async def owner(self, short: str, request: Message) -> Any:
        """Call as the mesh's owner; return the response, or the responses of a stream."""
        answer = await self.call(short, request, bearer(self._owner_token))
        if answer.code != grpc.StatusCode.OK:
            raise AssertionError(f"{short} was refused to the owner: {answer.message}")
        kind = response_class(self.methods[short])
        found = [kind.FromString(body) for body in answer.bodies]
        return found if self.methods[short].streams else found[0]

    async def call(
        self,
        short: str,
        request: Message | bytes,
        metadata: Metadata,
        first_s: float = CALL_TIMEOUT_S,
    ) -> Answer:
        """Call a method; a stream that goes on is read for a moment and counts as OK.

        TimeoutError where a stream neither says anything nor ends within `first_s`.
        """
        method, channel = self.methods[short], self._channel_of[short]
        content = request if isinstance(request, bytes) else request.SerializeToString()
        bodies: list[bytes] = []
        if method.streams:
            stream: Any = channel.unary_stream(method.path)
            call = stream(content, metadata=metadata)
            reading = _read(call, bodies, first_s)
        else:
            once: Any = channel.unary_unary(method.path)
            call = once(content, metadata=metadata, timeout=CALL_TIMEOUT_S)
            reading = _await(call, bodies)
        try:
            await reading
        except grpc.aio.AioRpcError as error:
            return _refused(error, bodies)
        return Answer(grpc.StatusCode.OK, bodies=tuple(bodies))


def response_class(method: Method) -> Any:
    """Return the class of a method's responses."""
    service, _, name = method.name.partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return message_factory.GetMessageClass(found.output_type)


async def _await(call: Any, bodies: list[bytes]) -> None:
    bodies.append(await call)


async def _read(call: Any, bodies: list[bytes], first_s: float) -> None:
    """Read what comes at first, whenever that is, and what comes soon after it."""
    try:
        async with asyncio.timeout(first_s) as limit:
            async for body in call:
                if not bodies:
                    limit.reschedule(asyncio.get_running_loop().time() + STREAM_S)
                bodies.append(body)
    except TimeoutError:
        if not bodies:
            raise
    finally:
        call.cancel()


def _refused(error: grpc.aio.AioRpcError, bodies: list[bytes]) -> Answer:
    pairs = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    details = status_pb2.Status()
    for name, value in pairs:
        if name == "grpc-status-details-bin":
            details = status_pb2.Status.FromString(value)
    content = b"\n".join(
        name.encode() + b"=" + (value if isinstance(value, bytes) else value.encode())
        for name, value in pairs
    )
    return Answer(error.code(), error.details() or "", details, tuple(bodies), content)
