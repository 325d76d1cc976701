"""Tasks told in plain words: a model proposes the plan, a person approves it, it is run."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.common.v1.error_reason_pb2 import ErrorReason
from adjutant.orchestrator.v1 import (
    budget_pb2,
    budget_service_pb2,
    budget_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
)
from services.orchestrator.usage.amount import PICOS, to_money
from tests.doubles.model_server import Answer, ModelServer
from tests.support.errors import reason_of
from tests.support.mesh import PROJECT, Caller, mesh_in_process

PLAN = {
    "steps": [
        {"title": "Write it", "command": "echo hello > hello.txt"},
        {
            "title": "See\n it",
            "command": "cat hello.txt",
            "after": [1],
            "check": "test -s hello.txt",
        },
    ]
}
CYCLE = {
    "steps": [
        {"title": "a", "command": "true", "after": [2]},
        {"title": "b", "command": "true", "after": [1]},
    ]
}


def said(plan: Any) -> Answer:
    return Answer((json.dumps(plan),))


def reason(task: task_pb2.Task) -> str:
    return ErrorReason.Name(task.failure.reason).removeprefix("ERROR_REASON_")


@pytest.fixture
def models_file(tmp_path: Path, server: ModelServer) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(
        f"providers: [{{name: near, kind: openai, url: {server.url}/v1, tiers: {{16k: small}}}}]"
    )
    return path


@pytest.fixture
async def caller(tmp_path: Path, models_file: Path) -> AsyncIterator[Caller]:
    async with mesh_in_process(tmp_path / "mesh", models_file=models_file) as mesh:
        yield mesh.caller


async def test_it_is_proposed_approved_and_run(caller: Caller, server: ModelServer) -> None:
    server.says(said(PLAN))
    task = await caller.submit("Write a greeting and look at it")
    approval = await caller.pending_approval(task.name)
    assert "that a language model proposed" in approval.title
    shown = approval.plan.steps
    assert [(step.title, step.command_line) for step in shown] == [
        ("Write it", "echo hello > hello.txt"),
        ("See it", "cat hello.txt"),
    ]
    assert [list(step.after) for step in shown] == [[], [1]]
    assert not (await caller.task(task.name)).steps[0].run, "nothing is run before the answer"
    await caller.decide(approval, "APPROVE")
    ended = await caller.finished(task.name)
    assert ended.state == states.TASK_STATE_COMPLETED
    assert [goal.title for goal in ended.goals] == ["Write a greeting and look at it"]
    assert ended.steps[1].verify_command == "test -s hello.txt"
    [(_, _, body)] = server.requests
    assert body["messages"][-1]["content"] == "Write a greeting and look at it"
    assert body["response_format"]["json_schema"]["name"] == "Plan"


async def test_a_person_who_says_no_ends_it(caller: Caller, server: ModelServer) -> None:
    server.says(said(PLAN))
    task = await caller.submit("Write a greeting")
    await caller.decide(await caller.pending_approval(task.name), "DENY", "not that")
    ended = await caller.finished(task.name)
    assert (ended.state, reason(ended)) == (states.TASK_STATE_FAILED, "APPROVAL_DENIED")
    assert not any(step.run for step in ended.steps)


async def test_a_policy_that_approves_in_advance_holds(caller: Caller, server: ModelServer) -> None:
    server.says(said(PLAN))
    approve = task_pb2.APPROVAL_POLICY_APPROVE
    task = await caller.submit("Write a greeting", approval_policy=approve)
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def test_what_is_wrong_is_told_to_the_model_once(caller: Caller, server: ModelServer) -> None:
    server.says(said(CYCLE), said(PLAN))
    task = await caller.submit("Write a greeting")
    await caller.pending_approval(task.name)
    assert "wait for each other" in server.requests[1][2]["messages"][-1]["content"]


async def test_a_model_that_cannot_plan_fails_the_task(caller: Caller, server: ModelServer) -> None:
    server.says(said(CYCLE))
    task = await caller.submit("Write a greeting")
    ended = await caller.finished(task.name)
    assert ended.state == states.TASK_STATE_FAILED
    assert reason(ended) == "MODEL_UNAVAILABLE"
    assert "wait for each other" in ended.failure.message
    assert len(server.requests) == 2
    server.says(said(PLAN))
    await caller.retry(task.name)
    await caller.pending_approval(task.name)


async def test_a_provider_that_refuses_fails_it(caller: Caller, server: ModelServer) -> None:
    server.says(Answer(status=401, error="wrong key"))
    ended = await caller.finished((await caller.submit("Write a greeting")).name)
    assert reason(ended) == "MODEL_REFUSED"
    assert "wrong key" in ended.failure.message


@pytest.mark.parametrize(
    ("price", "refusal", "advice"),
    [
        (None, "PRICE_UNKNOWN", "ADJUTANT_MODEL_PRICES"),
        ({"input": 1000, "output": 1000}, "BUDGET_EXHAUSTED", "raise the budget"),
    ],
)
async def test_a_budget_that_lets_nothing_through_fails_it(
    tmp_path: Path,
    server: ModelServer,
    models_file: Path,
    price: dict[str, int] | None,
    refusal: str,
    advice: str,
) -> None:
    prices = {"near/small": price} if price else {}
    settings = {"models_file": models_file, "model_prices": prices}
    async with mesh_in_process(tmp_path / "mesh", **settings) as mesh:
        caller = mesh.caller
        budgets = budget_service_pb2_grpc.BudgetServiceStub(caller.channel)
        budget = budget_pb2.Budget(amount=to_money(PICOS // 100))
        await budgets.CreateBudget(
            budget_service_pb2.CreateBudgetRequest(
                parent=PROJECT, budget_id="little", budget=budget, request_id=str(uuid4())
            )
        )
        server.says(said(PLAN))
        task = await caller.submit("Write a greeting")
        ended = await caller.finished(task.name)
        assert (ended.state, reason(ended)) == (states.TASK_STATE_FAILED, refusal)
        assert ended.failure.disposition == failure_pb2.FAILURE_DISPOSITION_WORK
        assert advice in ended.failure.message
        assert not server.requests
        await budgets.DeleteBudget(
            budget_service_pb2.DeleteBudgetRequest(name=f"{PROJECT}/budgets/little")
        )
        await caller.retry(task.name)
        await caller.pending_approval(task.name)


async def test_cancelling_stops_the_model(caller: Caller, server: ModelServer) -> None:
    server.says(Answer(("{",), stall_after=1))
    task = await caller.submit("Write a greeting")
    async with asyncio.timeout(20):
        while not server.requests:
            await asyncio.sleep(0.02)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await caller.tell(task.name, "- [ ] and this\n  run: true\n")
        assert reason_of(raised.value) == "CONCURRENT_CHANGE"
        await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
        await server.left.wait()
        await caller.until(task.name, states.TASK_STATE_CANCELLED)


async def test_there_is_no_estimate_of_words(caller: Caller) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await caller.tasks.EstimateTask(
            task_service_pb2.EstimateTaskRequest(parent=PROJECT, instructions="Write a greeting")
        )
    assert reason_of(raised.value) == "PLAN_REQUIRED"


async def test_a_checklist_is_taken_as_it_is(caller: Caller, server: ModelServer) -> None:
    task = await caller.submit("- [ ] say\n  run: true\n")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED
    assert not server.requests
