"""Talking to a mesh as people do: a message, its answer, and what stands in the session."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import yaml

from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from adjutant.orchestrator.v1 import (
    chat_service_pb2_grpc,
    response_pb2,
    session_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
    trace_pb2,
    trace_service_pb2,
    trace_service_pb2_grpc,
)
from tests.support.mesh import PROJECT

PATIENCE_S = 20.0
PLAN = "# Greet\n- [ ] say hi\n  run: echo hi\n"


class Talk:
    """One session of whoever opened a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.chat: Any = chat_service_pb2_grpc.ChatServiceStub(channel)
        self._tasks: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        self._traces: Any = trace_service_pb2_grpc.TraceServiceStub(channel)
        self.name = ""

    async def begin(self) -> "Talk":
        """Make the session."""
        request = pb.CreateSessionRequest(parent=PROJECT, session=session_pb2.Session())
        self.name = (await self.chat.CreateSession(request)).session.name
        return self

    async def send(self, text: str, **fields: str) -> response_pb2.Response:
        """Say something, and wait for nothing."""
        request = pb.SendMessageRequest(parent=self.name, text=text, **fields)
        return (await self.chat.SendMessage(request)).response  # type: ignore[no-any-return]

    async def end_of(self, response: str) -> response_pb2.Response:
        """Return a response when it has ended, whoever serves meanwhile."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    async for one in self.chat.StreamResponse(
                        pb.StreamResponseRequest(name=response)
                    ):
                        if one.frame.WhichOneof("content") == "ended":
                            return one.frame.ended  # type: ignore[no-any-return]
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise
                await asyncio.sleep(0.05)

    async def say(self, text: str, **fields: str) -> response_pb2.Response:
        """Say something, and return the answer."""
        return await self.end_of((await self.send(text, **fields)).name)

    async def cancel(self, response: str) -> None:
        """Want a response no more."""
        await self.chat.CancelResponse(pb.CancelResponseRequest(name=response))

    async def expiry(self) -> None:
        """Return when no response of the session is kept any more."""
        request = pb.ListResponsesRequest(parent=self.name)
        async with asyncio.timeout(PATIENCE_S):
            while (await self.chat.ListResponses(request)).responses:
                await asyncio.sleep(0.05)

    async def session(self) -> session_pb2.Session:
        """Return the session as it is."""
        request = pb.GetSessionRequest(name=self.name)
        return (await self.chat.GetSession(request)).session  # type: ignore[no-any-return]

    async def messages(self) -> list[Any]:
        """Return what was said, in order."""
        request = pb.ListMessagesRequest(
            parent=self.name, order_by="create_time asc", page_size=500
        )
        return list((await self.chat.ListMessages(request)).messages)

    async def tasks(self) -> list[Any]:
        """Return the project's tasks."""
        request = task_service_pb2.ListTasksRequest(parent=PROJECT)
        return list((await self._tasks.ListTasks(request)).tasks)

    async def calls(self, response: str) -> list[trace_pb2.TraceCall]:
        """Return what was asked of models and tools for a response, in order."""
        found: list[trace_pb2.TraceCall] = []
        listing = trace_service_pb2.ListTracesRequest(parent=response)
        for trace in (await self._traces.ListTraces(listing)).traces:
            request = trace_service_pb2.ListTraceCallsRequest(parent=trace.name, page_size=500)
            for call in (await self._traces.ListTraceCalls(request)).calls:
                whole = trace_service_pb2.GetTraceCallRequest(name=call.name)
                found.append((await self._traces.GetTraceCall(whole)).call)
        return sorted(found, key=lambda call: call.start_time.ToNanoseconds())

    async def tools_of(self, response: str) -> list[str]:
        """Return the tools that were called for a response."""
        calls = await self.calls(response)
        return [call.tool_call.tool for call in calls if call.HasField("tool_call")]


def models_file(folder: Path, rules: Sequence[object]) -> Path:
    """Write a file of models with one that answers by these rules."""
    folder.mkdir(exist_ok=True)
    script, models = folder / "script.yaml", folder / "models.yaml"
    script.write_text(yaml.safe_dump({"rules": list(rules)}))
    scripted = {"name": "scripted", "kind": "scripted", "script": str(script)}
    models.write_text(yaml.safe_dump({"providers": [scripted]}))
    return models
