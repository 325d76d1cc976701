"""A double of an OpenTelemetry collector: it keeps what services export, and passes nothing on."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class CollectorDouble(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans over OTLP, with what was sent along."""

    def __init__(self) -> None:
        self.exported: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.endpoint = ""

    async def Export(self, request: Any, context: Any) -> Any:
        self.exported.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    @property
    def content(self) -> bytes:
        """Everything that came, as it came."""
        return b"\n".join(request.SerializeToString() for request in self.exported)

    @property
    def span_names(self) -> set[str]:
        return {
            span.name
            for request in self.exported
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@contextlib.asynccontextmanager
async def collector_double() -> AsyncIterator[CollectorDouble]:
    """Serve a collector on loopback for the block."""
    double, server = CollectorDouble(), grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(double, server)  # type: ignore[no-untyped-call]  # theirs is untyped
    port = server.add_insecure_port("127.0.0.1:0")
    double.endpoint = f"http://127.0.0.1:{port}"
    await server.start()
    try:
        yield double
    finally:
        await server.stop(0)
