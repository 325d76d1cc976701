"""Each call is one span with the code that its caller sees, whatever way it ended."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from adjutant.orchestrator.v1 import task_service_pb2  # noqa: F401 # makes its methods known
from services.mesh import telemetry
from services.mesh.access.contract import method_of
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.interceptors.telemetry import Telemetry
from tests.integration.mesh.harness import PATIENCE_S, eventually

GET = method_of("/adjutant.orchestrator.v1.TaskService/GetTask")
WATCH = method_of("/adjutant.orchestrator.v1.TaskService/WatchTask")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "clients/acme/projects/hush-hush"
Act = Callable[[Any], Awaitable[Any]]
Context = Any


class Calls:
    """A server whose method does what the test says, and the spans that it makes."""

    def __init__(self, channel: grpc.aio.Channel, exporter: InMemorySpanExporter) -> None:
        self.get: Any = channel.unary_unary(GET.path)
        self.watch: Any = channel.unary_stream(WATCH.path)
        self.act: Act = self.nothing
        self._exporter = exporter

    async def nothing(self, _: Context) -> None:
        return None

    async def span(self) -> ReadableSpan:
        """Return the only span there is, once it has ended."""
        await eventually(self._exporter.get_finished_spans)
        (span,) = self._exporter.get_finished_spans()
        return span

    async def code(self) -> int:
        """Return the code that the only span has."""
        return int((await self.span()).attributes["rpc.grpc.status_code"])  # type: ignore[index,arg-type]


@contextlib.asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Calls]:
    exporter = InMemorySpanExporter()
    provider = telemetry.make_provider(MeshSettings(**settings), SimpleSpanProcessor(exporter))
    around = Telemetry(provider.get_tracer("adjutant"))

    async def get(request: bytes, context: Context) -> bytes:
        async def inner() -> bytes:
            await calls.act(context)
            return b""

        return await around(inner, GET, context)  # type: ignore[no-any-return]

    async def watch(request: bytes, context: Context) -> None:
        await around(functools.partial(calls.act, context), WATCH, context)

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, Any] = {
        "GetTask": grpc.unary_unary_rpc_method_handler(get),
        "WatchTask": grpc.unary_stream_rpc_method_handler(watch),
    }
    service = "adjutant.orchestrator.v1.TaskService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        calls = Calls(channel, exporter)
        yield calls
    await server.stop(0)
    provider.shutdown()


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with asyncio.timeout(PATIENCE_S):
            await call
    return caught.value


async def test_a_call_is_a_server_span_of_its_method() -> None:
    async with calling() as calls:
        await calls.get(b"")
        span = await calls.span()
    assert span.name == "adjutant.orchestrator.v1.TaskService/GetTask"
    assert span.kind is SpanKind.SERVER
    assert dict(span.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "adjutant.orchestrator.v1.TaskService",
        "rpc.method": "GetTask",
        "rpc.grpc.status_code": 0,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.parent is None


async def test_it_joins_the_trace_of_its_caller() -> None:
    seen: list[str] = []

    async def look(_: Context) -> None:
        seen.append(telemetry.trace_id())

    async with calling() as calls:
        calls.act = look
        given = (("traceparent", f"00-{TRACE}-{SPAN}-01"), ("tracestate", "vendor=42"))
        await calls.get(b"", metadata=given)
        span = await calls.span()
    assert span.parent is not None
    assert span.parent.is_remote
    assert trace.format_span_id(span.parent.span_id) == SPAN
    assert seen == [TRACE]
    assert span.context is not None
    assert span.context.trace_state.get("vendor") == "42"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "garbage",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        "00-" + "1" * 5000,
    ],
)
async def test_what_is_no_trace_context_begins_a_trace(given: str) -> None:
    async with calling() as calls:
        await calls.get(b"", metadata=(("traceparent", given), ("tracestate", "x" * 2000)))
        span = await calls.span()
    assert span.parent is None
    assert span.context is not None
    assert span.context.is_valid


async def test_a_later_version_of_trace_context_is_read_as_far_as_it_is_known() -> None:
    async with calling() as calls:
        await calls.get(b"", metadata=(("traceparent", f"01-{TRACE}-{SPAN}-01-what-comes"),))
        span = await calls.span()
    assert span.parent is not None
    assert trace.format_trace_id(span.parent.trace_id) == TRACE


async def test_what_the_starter_of_the_server_was_in_is_not_the_parent() -> None:
    with telemetry.span("started by somebody"):
        async with calling() as calls:
            await calls.get(b"")
            assert (await calls.span()).parent is None


async def test_the_caller_decides_whether_it_is_recorded() -> None:
    seen: list[bool] = []

    async def look(_: Context) -> None:
        seen.append(trace.get_current_span().is_recording())

    async with calling(trace_sample_ratio=0.0) as calls:
        calls.act = look
        await calls.get(b"")
        await calls.get(b"", metadata=(("traceparent", f"00-{TRACE}-{SPAN}-00"),))
        await calls.get(b"", metadata=(("traceparent", f"00-{TRACE}-{SPAN}-01"),))
        span = await calls.span()
    assert seen == [False, False, True]
    assert span.parent is not None


async def test_what_is_not_recorded_has_a_trace_all_the_same() -> None:
    seen: list[str] = []

    async def look(_: Context) -> None:
        seen.append(telemetry.inject()["traceparent"])

    async with calling(trace_sample_ratio=0.0) as calls:
        calls.act = look
        await calls.get(b"", metadata=(("traceparent", f"00-{TRACE}-{SPAN}-00"),))
        await calls.get(b"")
    assert seen[0].split("-")[1] == TRACE
    assert seen[0].split("-")[2] != SPAN
    assert len(seen[1]) == 55
    assert all(text.endswith(("-00", "-02")) for text in seen)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, StatusCode.UNSET),
        (grpc.StatusCode.PERMISSION_DENIED, StatusCode.UNSET),
        (grpc.StatusCode.INTERNAL, StatusCode.ERROR),
        (grpc.StatusCode.UNAVAILABLE, StatusCode.ERROR),
    ],
)
async def test_an_abort_has_its_code(code: grpc.StatusCode, status: StatusCode) -> None:
    async def abort(context: Context) -> None:
        await context.abort(code, f"there is no {SECRET}")

    async with calling() as calls:
        calls.act = abort
        assert (await refused(calls.get(b""))).code() is code
        span = await calls.span()
    assert await calls.code() == code.value[0]
    assert span.status.status_code is status
    assert SECRET not in span.to_json()


async def test_an_abort_with_a_status_has_its_code() -> None:
    async def abort(context: Context) -> None:
        error = AdjutantError("NOT_FOUND", f"There is no {SECRET}.")
        await context.abort_with_status(rpc_status.to_status(error.to_status()))

    async with calling() as calls:
        calls.act = abort
        assert (await refused(calls.get(b""))).code() is grpc.StatusCode.NOT_FOUND
        assert await calls.code() == 5
        assert SECRET not in (await calls.span()).to_json()


async def test_a_code_that_was_set_is_the_spans() -> None:
    async def set_code(context: Context) -> None:
        context.set_code(grpc.StatusCode.ALREADY_EXISTS)

    async with calling() as calls:
        calls.act = set_code
        await refused(calls.get(b""))
        assert await calls.code() == 6


@pytest.mark.parametrize("how", ["get", "watch"])
async def test_an_uncaught_exception_is_unknown_and_keeps_its_text(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Context) -> None:
        raise ValueError(SECRET)

    async with calling() as calls:
        calls.act = fail
        if how == "get":
            await refused(calls.get(b""))
        else:
            await refused(calls.watch(b"").read())
        span = await calls.span()
    assert await calls.code() == 2
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    assert SECRET not in span.to_json()


@pytest.mark.parametrize("how", ["get", "watch"])
async def test_a_deadline_is_a_deadline(how: str) -> None:
    async def wait(_: Context) -> None:
        await asyncio.Event().wait()

    async with calling() as calls:
        calls.act = wait
        call = calls.get(b"", timeout=0.2) if how == "get" else calls.watch(b"", timeout=0.2).read()
        assert (await refused(call)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await calls.code() == 4
        assert (await calls.span()).status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("how", ["get", "watch"])
async def test_a_caller_who_leaves_is_a_cancellation_and_ends_the_span(how: str) -> None:
    begun = asyncio.Event()

    async def wait(context: Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with calling() as calls:
        calls.act = wait
        call: Any = calls.get(b"", timeout=PATIENCE_S) if how == "get" else calls.watch(b"")
        sent = asyncio.ensure_future(call if how == "get" else call.read())
        await begun.wait()
        call.cancel()
        assert await calls.code() == 1
        assert (await calls.span()).status.status_code is StatusCode.UNSET
        with contextlib.suppress(asyncio.CancelledError, grpc.aio.UsageError):
            await sent


async def test_a_stream_is_one_span_however_long_it_is() -> None:
    during: list[int] = []

    async def write(context: Context) -> None:
        for _ in range(50):
            during.append(trace.get_current_span().get_span_context().span_id)
            await context.write(b"x")

    async with calling() as calls:
        calls.act = write
        assert len([message async for message in calls.watch(b"")]) == 50
        span = await calls.span()
    assert span.context is not None
    assert set(during) == {span.context.span_id}
    assert not span.events
    assert await calls.code() == 0


async def test_a_stream_may_be_written_by_its_context() -> None:
    async def write(context: Context) -> None:
        await context.write(b"x")
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "no more")

    async with calling() as calls:
        calls.act = write
        call: Any = calls.watch(b"")
        assert await call.read() == b"x"
        assert (await refused(call.read())).code() is grpc.StatusCode.OUT_OF_RANGE
        assert await calls.code() == 11


def test_without_an_exporter_nothing_is_recorded() -> None:
    provider: TracerProvider = telemetry.make_provider(MeshSettings())
    assert not provider.get_tracer("adjutant").start_span("x").is_recording()
