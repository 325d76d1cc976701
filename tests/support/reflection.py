"""What a running service offers, as it says itself by gRPC reflection."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
HEALTH = "grpc.health.v1.Health"


async def services_of(channel: grpc.aio.Channel) -> list[str]:
    """Return the full name of every service behind a channel."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = await _ask(channel, request)
    return sorted(service.name for service in answer.list_services_response.service)


async def methods_of(channel: grpc.aio.Channel) -> dict[str, descriptor_pb2.MethodDescriptorProto]:
    """Return every method behind a channel by its path; health and reflection left out."""
    found = {}
    for service in await services_of(channel):
        if service in (REFLECTION, HEALTH):
            continue
        async for method in _methods(channel, service):
            found[f"/{service}/{method.name}"] = method
    return found


async def _methods(
    channel: grpc.aio.Channel, service: str
) -> AsyncIterator[descriptor_pb2.MethodDescriptorProto]:
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
    answer = await _ask(channel, request)
    for content in answer.file_descriptor_response.file_descriptor_proto:
        file = descriptor_pb2.FileDescriptorProto.FromString(content)
        for declared in file.service:
            if f"{file.package}.{declared.name}" == service:
                for method in declared.method:
                    yield method


async def _ask(channel: grpc.aio.Channel, request: Any) -> Any:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(timeout=10)
    await call.write(request)
    answer = await call.read()
    await call.done_writing()
    call.cancel()
    return answer
