"""Traces over the wire: what was asked and answered, to whom it is shown, and for how long."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from mlflow.entities import Trace

from adjutant.common.v1 import error_reason_pb2
from adjutant.orchestrator.v1 import (
    project_service_pb2,
    trace_pb2,
    trace_service_pb2,
    trace_service_pb2_grpc,
)
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import ModelMessage, ModelRequest, Role, ToolCall
from services.orchestrator.traces.recorder import TraceRecorder
from services.orchestrator.traces.trace import trace_name
from tests.support.errors import reason_of
from tests.support.identities import Hierarchy, Issuer, open_as, owner_token
from tests.support.mesh import PROJECT, Caller, MeshInProcess, mesh_in_process
from tests.support.stores import on_both_stores
from tests.support.traces import BEGIN, model_call, recording, scope_of, tool_call

SCOPE = scope_of(PROJECT, "r1")
TRACE = trace_name(SCOPE)
MISSING = f"{PROJECT}/traces/missing"


async def get(stub: Any, name: str = TRACE) -> trace_pb2.Trace:
    request = trace_service_pb2.GetTraceRequest(name=name)
    return (await stub.GetTrace(request)).trace  # type: ignore[no-any-return]


async def listed(stub: Any, parent: str = PROJECT, **fields: Any) -> list[trace_pb2.Trace]:
    request = trace_service_pb2.ListTracesRequest(parent=parent, **fields)
    return list((await stub.ListTraces(request)).traces)


async def calls(stub: Any, trace: str = TRACE, **fields: Any) -> list[trace_pb2.TraceCall]:
    request = trace_service_pb2.ListTraceCallsRequest(parent=trace, **fields)
    return list((await stub.ListTraceCalls(request)).calls)


async def call(stub: Any, call_id: str, trace: str = TRACE) -> trace_pb2.TraceCall:
    request = trace_service_pb2.GetTraceCallRequest(name=f"{trace}/calls/{call_id}")
    return (await stub.GetTraceCall(request)).call  # type: ignore[no-any-return]


async def exported(stub: Any, parent: str = PROJECT) -> list[dict[str, Any]]:
    request = trace_service_pb2.ReadTracesRequest(parent=parent)
    content = b"".join([piece.data async for piece in stub.ReadTraces(request)])
    return [json.loads(line) for line in content.decode().splitlines()]


async def refused(calling: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await calling
    return reason_of(error.value)


@on_both_stores
async def test_each_call_is_kept_with_what_it_asked_gave_took_and_cost(
    mesh: MeshInProcess, record: TraceRecorder
) -> None:
    traces = mesh.caller.traces
    failure = ModelFailure(FailureKind.RATE_LIMITED, "Wait, password=hunter22 is not the reason.")
    await record.model_call(SCOPE, model_call("first", failure=failure, text="", tool_calls=()))
    await record.model_call(SCOPE, model_call("second", after_s=1))
    await record.tool_call(SCOPE, tool_call("third", after_s=2))
    await record.tool_call(SCOPE, tool_call("third", after_s=2))  # told twice, kept once

    trace = await get(traces)
    assert (trace.session, trace.response) == (SCOPE.session, SCOPE.response)
    assert (trace.agent, trace.principal) == ("planner", "users/ada")
    counts = (trace.model_call_count, trace.tool_call_count, trace.failed_call_count)
    assert counts == (2, 1, 1)
    usage = trace.usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == (80, 20, 14)
    assert (trace.cost.currency_code, trace.cost.nanos) == ("USD", 14_000)
    assert trace.start_time.ToMicroseconds() == int(BEGIN.timestamp() * 1e6)
    assert trace.end_time.ToMicroseconds() == int(BEGIN.timestamp() * 1e6) + 2_250_000
    assert not trace.HasField("export_time")

    first, second, third = await calls(traces)
    assert first.failure.reason == error_reason_pb2.ERROR_REASON_MODEL_RATE_LIMITED
    assert "hunter22" not in first.failure.message
    assert [message.text.text for message in second.model_call.messages] == ["Where are the bikes?"]
    assert second.model_call.omitted_message_count == 1
    assert third.tool_call.tool == "search"

    model = (await call(traces, "second")).model_call
    assert (model.provider, model.model) == ("ollama", "llama3")
    assert model.answering_model == "llama3-of-may"
    assert model.selection_reason == "4k tier: about 900 tokens"
    assert [message.role for message in model.messages] == [1, 2]
    assert model.messages[0].text.text == "Help."
    assert list(model.tool_names) == ["search"]
    assert model.answer.text == "I look."
    assert model.stop_reason == trace_pb2.TRACE_STOP_REASON_TOOL_CALLS
    assert json.loads(model.requested_calls[0].arguments.text) == {
        "query": "bikes",
        "api_key": "[redacted]",
    }
    assert (second.first_token_time.ToMicroseconds() - second.start_time.ToMicroseconds()) == 10**5
    tool = (await call(traces, "third")).tool_call
    assert "hunter2" not in tool.arguments.text
    assert (tool.requested_call_id, tool.result.text) == ("call-1", "In the cellar.")


@on_both_stores
async def test_lists_are_by_what_was_answered_and_page_and_filter(
    mesh: MeshInProcess, record: TraceRecorder
) -> None:
    traces, task = mesh.caller.traces, f"{PROJECT}/tasks/t1"
    for response in ("r1", "r2"):
        scope = scope_of(PROJECT, response, message=f"{PROJECT}/sessions/s1/messages/{response}m")
        await record.model_call(scope, model_call(f"of-{response}"))
        await record.tool_call(scope, tool_call(f"tool-of-{response}"))
    await record.model_call(scope_of(PROJECT, task=task, agent="coder"), model_call("of-task"))

    responses = [trace.response.rpartition("/")[2] for trace in await listed(traces)]
    assert responses == ["", "r2", "r1"]
    for parent in (f"{PROJECT}/sessions/s1/responses/r1", f"{PROJECT}/sessions/s1/messages/r1m"):
        assert [trace.name for trace in await listed(traces, parent)] == [TRACE]
    assert [trace.task for trace in await listed(traces, task)] == [task]
    assert len(await listed(traces, f"{PROJECT}/sessions/s1")) == 2
    assert await listed(traces, f"{PROJECT}/sessions/another") == []
    assert [t.agent for t in await listed(traces, filter='agent = "coder"')] == ["coder"]

    request = trace_service_pb2.ListTracesRequest(parent=PROJECT, page_size=2)
    page = await traces.ListTraces(request)
    request.page_token = page.next_page_token
    rest = await traces.ListTraces(request)
    assert (len(page.traces), len(rest.traces), rest.next_page_token) == (2, 1, "")
    assert [c.tool_call.tool for c in await calls(traces, filter='tool = "search"')] == ["search"]
    newest = await calls(traces, order_by="start_time desc")
    assert [c.name.rpartition("/")[2] for c in newest] == ["tool-of-r1", "of-r1"]
    assert await refused(listed(traces, filter='secret = "x"')) == "INVALID_FILTER"
    assert await refused(listed(traces, f"{PROJECT}/runs/r1")) == "INVALID_REQUEST"


async def test_texts_are_bounded_and_say_so(tmp_path: Path) -> None:
    async with mesh_in_process(tmp_path / "data") as mesh:
        traces = mesh.caller.traces
        async with recording(mesh.data_dir, trace_call_max_bytes=4096) as record:
            messages = tuple(ModelMessage(Role.USER, "ž" * 1000) for _ in range(3))
            long = model_call(
                "long", request=ModelRequest(messages), text="a" * 1500, tool_calls=()
            )
            await record.model_call(SCOPE, long)
            many = tuple(ModelMessage(Role.USER, f"{n}") for n in range(1200))
            await record.model_call(SCOPE, model_call("many", request=ModelRequest(many)))
            broken = tool_call("broken", call=ToolCall("c", "t", {"text": "\ud800 \0"}))
            await record.tool_call(SCOPE, broken)
        found = (await call(traces, "long")).model_call
        assert (found.answer.text, found.answer.truncated) == ("a" * 1500, False)
        sizes = [len(message.text.text) for message in found.messages]
        assert sizes == [0, 298, 1000]  # the newest whole, the oldest not at all
        cut = found.messages[1].text
        assert (cut.truncated, cut.size_bytes) == (True, 2000)
        shown = next(one for one in await calls(traces) if one.name.endswith("/long"))
        assert len(shown.model_call.answer.text) == 400
        assert shown.model_call.answer.size_bytes == 1500
        kept = (await call(traces, "many")).model_call
        assert (len(kept.messages), kept.omitted_message_count) == (1000, 200)
        assert kept.messages[-1].text.text == "1199"
        assert json.loads((await call(traces, "broken")).tool_call.arguments.text)


async def test_a_session_is_its_users_and_a_task_is_the_projects(tmp_path: Path) -> None:
    people = Issuer(tmp_path / "issuer")
    task = f"{PROJECT}/tasks/t1"
    async with (
        mesh_in_process(tmp_path / "data", jwt_issuers=[people.setting]) as mesh,
        recording(mesh.data_dir) as record,
    ):
        address = f"127.0.0.1:{mesh.port_base + 1}"
        channels = [open_as(address, people.token(who)) for who in ("ada", "bob")]
        owner_channel = open_as(address, owner_token(mesh.data_dir))
        hierarchy = Hierarchy(owner_channel)
        for who in ("ada", "bob"):
            await hierarchy.member(PROJECT, who, "EDITOR")
        ada, bob = (trace_service_pb2_grpc.TraceServiceStub(channel) for channel in channels)
        await record.model_call(SCOPE, model_call())
        of_task = scope_of(PROJECT, task=task)
        await record.model_call(of_task, model_call())

        assert (await get(ada)).name == TRACE
        assert (await get(mesh.caller.traces)).name == TRACE  # who may manage the project
        for asked in (get(bob), calls(bob), call(bob, "call-1"), get(bob, MISSING)):
            assert await refused(asked) == "NOT_FOUND"
        assert [trace.name for trace in await listed(ada)] == [TRACE]
        assert await listed(bob) == []
        assert await listed(bob, SCOPE.session) == []
        assert await exported(bob, SCOPE.session) == []
        assert len(await exported(ada, SCOPE.session)) == 1
        assert [trace.task for trace in await listed(bob, task)] == [task]
        assert (await calls(bob, trace_name(of_task)))[0].model_call.model == "llama3"
        for channel in (*channels, owner_channel):
            await channel.close()


@on_both_stores
async def test_a_trace_goes_when_its_time_is_over_and_with_its_project(
    mesh: MeshInProcess, mesh_store: dict[str, Any], record: TraceRecorder
) -> None:
    traces = mesh.caller.traces
    await record.model_call(SCOPE, model_call())
    async with recording(mesh.data_dir, trace_ttl_s=0.2, **mesh_store) as brief:
        gone = scope_of(PROJECT, "brief")
        await brief.model_call(gone, model_call())
        async with asyncio.timeout(20):
            while len(await listed(traces)) > 1:
                await asyncio.sleep(0.05)
        assert await refused(call(traces, "call-1", trace_name(gone))) == "NOT_FOUND"
        # Its own bodies and calls went too, and nobody else's.
        await brief.model_call(gone, model_call(text="Anew."))
        anew = await call(traces, "call-1", trace_name(gone))
        assert anew.model_call.answer.text == "Anew."
    assert (await call(traces, "call-1")).model_call.answer.text == "I look."

    other = "clients/acme/projects/other"
    await mesh.caller.make_project(other)
    await mesh.caller.projects.DeleteProject(project_service_pb2.DeleteProjectRequest(name=other))
    await record.model_call(scope_of(other, "late"), model_call())  # is logged, and kept nowhere
    assert await refused(get(traces, trace_name(scope_of(other, "late")))) != ""


async def test_sessions_are_exported_in_the_form_that_mlflow_reads(
    mesh: MeshInProcess, record: TraceRecorder
) -> None:
    await record.model_call(SCOPE, model_call("ask", text="x" * 200_000))  # more than one piece
    await record.tool_call(SCOPE, tool_call("look", failure="The cellar is locked."))
    await record.model_call(scope_of(PROJECT, "r2"), model_call())
    await record.model_call(scope_of(PROJECT, task=f"{PROJECT}/tasks/t1"), model_call())

    documents = await exported(mesh.caller.traces, SCOPE.session)
    assert len(documents) == 2
    trace = Trace.from_dict(documents[0])
    assert trace.info.trace_id == (await get(mesh.caller.traces)).mlflow_trace_id
    assert trace.info.trace_metadata["mlflow.trace.session"] == SCOPE.session
    root, ask, look = trace.data.spans
    assert (root.span_type, root.inputs) == ("AGENT", "Where are the bikes?")
    assert (ask.span_type, ask.parent_id) == ("CHAT_MODEL", root.span_id)
    assert ask.inputs["messages"][-1] == {"role": "user", "content": "Where are the bikes?"}
    assert len(ask.outputs["choices"][0]["message"]["content"]) == 200_000
    assert (look.span_type, look.status.description) == ("TOOL", "The cellar is locked.")
    assert look.inputs == {"query": "bikes", "api_key": "[redacted]"}
    assert look.end_time_ns - look.start_time_ns == 250_000_000


async def test_what_is_not_there_is_not_found(mesh: MeshInProcess) -> None:
    caller: Caller = mesh.caller
    for asked in (get(caller.traces, MISSING), calls(caller.traces, MISSING)):
        assert await refused(asked) == "NOT_FOUND"
    request = trace_service_pb2.RefreshTraceRequest(name=MISSING)
    assert await refused(caller.traces.RefreshTrace(request)) == "MLFLOW_NOT_CONFIGURED"
