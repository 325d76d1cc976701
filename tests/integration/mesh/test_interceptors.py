"""What every call passes: errors as callers see them, validation, deadlines; on a real server."""

import asyncio
import logging
import pathlib
import random
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2 as subscriptions
from adjutant.orchestrator.v1 import task_service_pb2 as pb
from services.mesh.errors import MAX_DETAILS_BYTES, REASONS, AdjutantError, Violation
from services.mesh.interceptors.deadline import remaining_s
from tests.integration.mesh.serving import GET, PARENT, Served, refused, serving


@pytest.fixture
async def served(tmp_path: pathlib.Path, nats: Any) -> AsyncIterator[Served]:
    async with serving(tmp_path, nats.url, unary_timeout_s=0.3) as running:
        yield running


def raises(error: BaseException) -> Any:
    async def act(_: Any) -> None:
        raise error

    return act


def details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """Return the details of an error by the names of their types."""
    trailers = {key: value for key, value in error.trailing_metadata() or ()}  # noqa: C416
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    assert status.ByteSize() <= MAX_DETAILS_BYTES
    found: dict[str, Any] = {}
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    ):
        for packed in status.details:
            detail = kind()
            if packed.Unpack(detail):
                found[kind.DESCRIPTOR.name] = detail
    return found


async def test_an_error_arrives_with_its_code_reason_and_facts(served: Served) -> None:
    served.tasks.act = raises(
        AdjutantError("UNKNOWN_AGENT", "No.", field="agent", metadata={"a": "b"}, retry_after_s=2)
    )
    error = await refused(served.stub.GetTask(GET))
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "No.")
    found = details(error)
    assert found["ErrorInfo"].reason == "UNKNOWN_AGENT"
    assert found["ErrorInfo"].domain == "adjutant"
    assert dict(found["ErrorInfo"].metadata) == {"a": "b"}
    assert found["BadRequest"].field_violations[0].field == "agent"
    assert found["RetryInfo"].retry_delay.seconds == 2


async def test_every_reason_arrives_with_its_code(served: Served) -> None:
    for reason, code in REASONS.items():
        if code == grpc.StatusCode.UNAVAILABLE:
            continue  # tried again by the channel; see test_channel
        served.tasks.act = raises(AdjutantError(reason, "No."))
        error = await refused(served.stub.GetTask(GET))
        assert error.code() == code
        assert details(error)["ErrorInfo"].reason == reason


@pytest.mark.parametrize("filling", ["x", "界", "%", "\n", "🙂"])
async def test_an_error_of_any_size_arrives(served: Served, filling: str) -> None:
    chance = random.Random(1)
    for _ in range(20):
        served.tasks.act = raises(
            AdjutantError(
                "INVALID_PLAN",
                filling * chance.randrange(9000),
                metadata={f"key-{n}": filling * 900 for n in range(50)},
                violations=tuple(Violation(filling * 900, filling * 900) for _ in range(50)),
                retry_after_s=1.0,
            )
        )
        error = await refused(served.stub.GetTask(GET))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert details(error)["ErrorInfo"].reason == "INVALID_PLAN"


@pytest.mark.parametrize("secret", [RuntimeError("password=hunter2"), KeyError("hunter2")])
async def test_what_nobody_foresaw_is_internal_and_keeps_its_text_to_itself(
    served: Served, secret: Exception, caplog: pytest.LogCaptureFixture, spans: object
) -> None:
    served.tasks.act = raises(secret)
    with caplog.at_level(logging.ERROR):
        error = await refused(served.stub.GetTask(GET))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(error)
    info = details(error)["ErrorInfo"]
    assert info.reason == "INTERNAL"
    assert len(info.metadata["trace"]) == 32
    assert info.metadata["trace"] in (error.details() or "")
    assert "hunter2" in caplog.text, "our own log has it"


async def test_a_stream_ends_with_the_same_errors(served: Served) -> None:
    for raised, reason in (
        (AdjutantError("SLOW_CONSUMER", "No.", metadata={"cursor": "c"}), "SLOW_CONSUMER"),
        (RuntimeError("hunter2"), "INTERNAL"),
    ):
        served.tasks.act = raises(raised)
        stream = served.stub.WatchTask(pb.WatchTaskRequest(name=GET.name))
        assert await stream.read() == pb.WatchTaskResponse()
        error = await refused(stream.read())
        assert details(error)["ErrorInfo"].reason == reason
        assert "hunter2" not in str(error)


async def test_a_request_that_breaks_its_rules_is_refused_with_every_field(served: Served) -> None:
    request = pb.SubmitTaskRequest(parent="nonsense", title="x" * 300)
    error = await refused(served.stub.SubmitTask(request))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    found = details(error)
    assert found["ErrorInfo"].reason == "INVALID_REQUEST"
    violations = found["BadRequest"].field_violations
    assert {violation.field for violation in violations} == {"parent", "title", "instructions"}
    assert all(violation.description for violation in violations)


async def test_an_element_of_a_list_is_named_by_its_place(served: Served) -> None:
    kinds = [event_pb2.EVENT_KIND_RUN_PROGRESS, 0]
    request = subscriptions.SubscribeRequest(parent=PARENT, kinds=kinds)  # type: ignore[arg-type]
    error = await refused(served.subscriptions.Subscribe(request).read())
    (violation,) = details(error)["BadRequest"].field_violations
    assert violation.field == "kinds[1]"


async def test_streams_are_validated_too(served: Served) -> None:
    error = await refused(served.stub.WatchTask(pb.WatchTaskRequest(name="nonsense")).read())
    assert details(error)["ErrorInfo"].reason == "INVALID_REQUEST"


async def test_a_call_without_a_deadline_gets_one(served: Served) -> None:
    async def act(_: Any) -> None:
        await asyncio.sleep(60)

    served.tasks.act = act
    async with grpc.aio.insecure_channel(served.address) as bare:
        call = bare.unary_unary(
            "/adjutant.orchestrator.v1.TaskService/GetTask",
            request_serializer=pb.GetTaskRequest.SerializeToString,
            response_deserializer=pb.GetTaskResponse.FromString,
        )
        error = await refused(call(GET, metadata=served.as_owner))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert details(error)["ErrorInfo"].reason == "DEADLINE_TOO_SHORT"


async def test_a_timeout_inside_a_handler_is_not_taken_for_the_calls_own(served: Served) -> None:
    served.tasks.act = raises(TimeoutError("inside"))
    async with grpc.aio.insecure_channel(served.address) as bare:
        call = bare.unary_unary(
            "/adjutant.orchestrator.v1.TaskService/GetTask",
            request_serializer=pb.GetTaskRequest.SerializeToString,
            response_deserializer=pb.GetTaskResponse.FromString,
        )
        error = await refused(call(GET, metadata=served.as_owner))
    assert details(error)["ErrorInfo"].reason == "INTERNAL"


async def test_a_stream_has_no_deadline_of_ours(served: Served) -> None:
    async def act(_: Any) -> None:
        assert remaining_s() is None
        await asyncio.sleep(0.5)

    served.tasks.act = act
    stream = served.stub.WatchTask(pb.WatchTaskRequest(name=GET.name))
    assert len([answer async for answer in stream]) == 1


async def test_a_handler_knows_how_long_it_has(served: Served) -> None:
    left: list[float | None] = []

    async def act(request: Any) -> Any:
        left.append(remaining_s())
        return await served.tasks.answer(request)

    served.tasks.act = act
    await served.stub.GetTask(GET, timeout=5.0)
    await served.stub.GetTask(GET, timeout=50.0)
    assert left[0] is not None
    assert left[1] is not None
    assert 0 < left[0] < 6.0 < left[1] < 51.0
    assert remaining_s() is None


async def test_what_a_call_leaves_running_has_no_deadline(served: Served) -> None:
    left: list[float | None] = []
    answered = asyncio.Event()

    async def afterwards() -> None:
        await answered.wait()
        left.append(remaining_s())

    async def act(request: Any) -> Any:
        left_running.append(asyncio.create_task(afterwards()))
        return await served.tasks.answer(request)

    left_running: list[asyncio.Task[None]] = []
    served.tasks.act = act
    await served.stub.GetTask(GET, timeout=5.0)
    answered.set()
    await asyncio.gather(*left_running)
    assert left == [None]


async def test_a_reader_that_leaves_is_nothing_to_complain_about(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.tasks.frames = 10**9
    for _ in range(10):
        watch = served.stub.WatchTask(pb.WatchTaskRequest(name=GET.name))
        await watch.read()
        watch.cancel()
        await served.tasks.watch_ended.wait()
        served.tasks.watch_ended.clear()
    await served.stub.GetTask(GET)
    assert caplog.messages == []
