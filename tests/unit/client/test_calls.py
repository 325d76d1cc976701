"""Calls that answer once: what arrives, what is retried, and which errors come back."""

from typing import cast

import grpc
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from adjutant_messages.adjutant.orchestrator.v1 import GetTaskRequest, SubmitTaskRequest
from services import client as api
from services.client.tasks import _GET
from tests.doubles.mesh import PROJECT, MeshDouble

PLAN = "- [ ] greet\n  run: echo hello\n"


async def test_a_task_is_submitted_and_read_again(mesh: MeshDouble, adjutant: api.Adjutant) -> None:
    task = await adjutant.tasks.submit(PLAN)
    assert task.name.startswith(PROJECT)
    assert (await adjutant.tasks.get(task.name)).instructions == PLAN
    assert mesh.requests[0].parent == PROJECT


async def test_a_service_that_is_away_for_a_moment_is_asked_again_with_the_same_request_id(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    mesh.failing_calls = 2
    await adjutant.tasks.submit(PLAN)
    assert len(mesh.requests) == 3
    assert len({request.request_id for request in mesh.requests}) == 1
    assert mesh.requests[0].request_id


async def test_nobody_there_is_unreachable_with_what_to_do() -> None:
    async with api.Adjutant("127.0.0.1:1") as adjutant:
        with pytest.raises(api.UnreachableError) as caught:
            await adjutant.tasks.get(f"{PROJECT}/tasks/x")
    assert "orchestrator service does not answer at 127.0.0.1:1" in str(caught.value)
    assert "adjutant up" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_no_answer_in_time_is_an_error_of_its_own(mesh: MeshDouble) -> None:
    mesh.failing_calls = 100
    async with api.Adjutant(mesh.address, timeout_s=0.05) as adjutant:
        with pytest.raises(api.DeadlineExceededError, match="gave no answer in time"):
            await adjutant.tasks.get(f"{PROJECT}/tasks/x")


async def test_an_error_carries_reason_message_and_violations(adjutant: api.Adjutant) -> None:
    with pytest.raises(api.InvalidRequestError) as caught:
        await adjutant.tasks.submit("do something")
    error = caught.value
    assert error.reason == "PLAN_REQUIRED"
    assert [v.field for v in error.details.violations] == ["instructions"]
    assert str(error) == "the text holds no checklist; instructions: no item"


async def test_each_canonical_code_has_its_class(mesh: MeshDouble, adjutant: api.Adjutant) -> None:
    with pytest.raises(api.NotFoundError, match="there is no"):
        await adjutant.tasks.get(f"{PROJECT}/tasks/none")
    mesh.add_task("done")
    with pytest.raises(api.PreconditionError, match="did not fail"):
        await adjutant.tasks.retry(f"{PROJECT}/tasks/done")
    with pytest.raises(api.PermissionDeniedError):
        await adjutant.runs.report(f"{PROJECT}/runs/r", "wrong")


async def test_a_method_that_the_service_does_not_have_is_a_fault(adjutant: api.Adjutant) -> None:
    with pytest.raises(api.ServiceFaultError, match="has no such method; see that the address"):
        await adjutant.runs.cancel(f"{PROJECT}/runs/r")


async def test_a_request_of_the_wrong_type_is_refused_before_it_is_sent(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    wrong = cast("GetTaskRequest", SubmitTaskRequest())
    with pytest.raises(api.ConfigurationError, match="takes a GetTaskRequest"):
        await adjutant.tasks._transport.unary(_GET, wrong)
    assert mesh.requests == []


async def test_lists_go_through_all_pages(mesh: MeshDouble, adjutant: api.Adjutant) -> None:
    for number in range(5):
        mesh.add_task(f"t{number}")
    names = [api.last_part(task.name) async for task in adjutant.tasks.list(page_size=2)]
    assert names == ["t4", "t3", "t2", "t1", "t0"]


async def test_an_answer_goes_with_the_digest_that_was_looked_at(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    approval = mesh.add_approval("a")
    answer = await adjutant.approvals.deny(approval.name, digest="abc", reason="not now")
    assert answer.state.name == "DENIED"
    assert mesh.requests[-1].action_digest == "abc"


async def test_every_call_carries_a_trace_without_any_sdk(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    await adjutant.tasks.submit(PLAN)
    version, trace, span, flags = mesh.metadata[0]["traceparent"].split("-")
    assert version == "00"
    assert int(flags, 16) & 1, "sampled, so that services that record do"
    assert int(trace, 16)
    assert int(span, 16)


async def test_calls_are_client_spans_and_what_is_sent_is_their_context(mesh: MeshDouble) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with api.Adjutant(mesh.address, tracer_provider=provider) as adjutant:
        await adjutant.tasks.submit(PLAN)
        with pytest.raises(api.NotFoundError):
            await adjutant.tasks.get(f"{PROJECT}/tasks/none")
    good, bad = exporter.get_finished_spans()
    assert good.kind is SpanKind.CLIENT
    assert good.name == "adjutant.orchestrator.v1.TaskService/SubmitTask"
    assert format(good.context.span_id, "016x") in mesh.metadata[0]["traceparent"]
    assert bad.attributes is not None
    assert bad.attributes["rpc.grpc.status_code"] == grpc.StatusCode.NOT_FOUND.value[0]
    assert not bad.status.is_ok


def test_a_project_must_be_made_of_ids() -> None:
    with pytest.raises(api.ConfigurationError, match="the client 'A B' is no id"):
        api.Adjutant("h:1", client="A B")
