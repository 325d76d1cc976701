"""What a chat leaves behind: the trace of each answer, for as long as its session is there."""

import asyncio
from pathlib import Path
from typing import Any

from adjutant.orchestrator.v1 import chat_service_pb2, chat_service_pb2_grpc, session_pb2
from tests.integration.traces.test_traces import call, calls, listed, refused
from tests.support.mesh import PROJECT, mesh_in_process
from tests.support.stores import on_both_stores


async def answered(chat: Any, response: str) -> str:
    """Return the message that a response made."""
    request = chat_service_pb2.GetResponseRequest(name=response)
    async with asyncio.timeout(30):
        while not (found := (await chat.GetResponse(request)).response.message):
            await asyncio.sleep(0.05)
    return str(found)


@on_both_stores
async def test_an_answer_has_a_trace_until_its_session_is_removed(
    tmp_path: Path, mesh_store: dict[str, Any]
) -> None:
    async with mesh_in_process(tmp_path / "data", **mesh_store) as mesh:
        traces = mesh.caller.traces
        chat: Any = chat_service_pb2_grpc.ChatServiceStub(mesh.caller.channel)
        created = await chat.CreateSession(
            chat_service_pb2.CreateSessionRequest(parent=PROJECT, session=session_pb2.Session())
        )
        session = created.session.name
        sent = await chat.SendMessage(
            chat_service_pb2.SendMessageRequest(parent=session, text="What can you do?")
        )
        response = sent.response.name
        answer = await answered(chat, response)
        (trace,) = await listed(traces, response)
        assert (trace.session, trace.response) == (session, response)
        assert trace.model_call_count >= 1
        assert trace.HasField("cost")  # the built-in model is known to cost nothing
        assert (trace.cost.units, trace.cost.nanos) == (0, 0)
        *_, asked = await calls(traces, trace.name)
        model = (await call(traces, asked.name.rpartition("/")[2], trace.name)).model_call
        assert model.provider == "scripted"
        assert model.selection_reason
        assert model.messages[-1].text.text == "What can you do?"
        assert model.answer.text
        assert asked.HasField("first_token_time")
        for message in (trace.message, answer):
            assert [one.name for one in await listed(traces, message)] == [trace.name]

        await chat.DeleteSession(chat_service_pb2.DeleteSessionRequest(name=session))
        async with asyncio.timeout(30):
            while await listed(traces):
                await asyncio.sleep(0.05)
        assert await refused(calls(traces, trace.name)) == "NOT_FOUND"
