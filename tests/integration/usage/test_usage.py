"""Usage and budgets over the wire, while another replica's ledger works on the same records."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from adjutant.common.v1 import money_pb2
from adjutant.event.v1 import event_pb2, frame_pb2
from adjutant.orchestrator.v1 import budget_pb2
from adjutant.orchestrator.v1 import budget_service_pb2 as budgets
from adjutant.orchestrator.v1 import usage_service_pb2 as pb
from services.mesh.names import new_id
from services.orchestrator.models.port import CallScope, Usage
from services.orchestrator.usage.amount import PICOS, to_money
from services.orchestrator.usage.calls import find_call
from tests.integration.usage.conftest import House, ledger_on
from tests.support.errors import fields_of, reason_of
from tests.support.stores import on_both_stores
from tests.support.usage import CENT, CENTS, CLIENT, DIME, PROJECT, SCOPE

OTHER = f"{CLIENT}/projects/mill"
TASK = f"{PROJECT}/tasks/t1"
KINDS = event_pb2.EventKind


async def spend(
    house: House, usage: Usage = CENT, model: str = "dime", scope: CallScope = SCOPE
) -> str:
    call_id = new_id()
    await house.ledger.reserve(scope, call_id, "test", model, usage)
    await house.ledger.settle(call_id, usage)
    return call_id


async def query(house: House, *group_by: str, **fields: Any) -> list[pb.UsageRow]:
    names = [f"USAGE_DIMENSION_{each}" for each in group_by]
    request = pb.QueryUsageRequest(**{"parent": PROJECT, "group_by": names, **fields})
    return list((await house.usage.QueryUsage(request)).rows)


async def create(house: House, budget_id: str, parent: str = PROJECT, **fields: Any) -> Any:
    request = budgets.CreateBudgetRequest(
        parent=parent, budget_id=budget_id, budget=budget_pb2.Budget(**fields)
    )
    return (await house.budgets.CreateBudget(request)).budget


async def update(house: House, name: str, *paths: str, **fields: Any) -> Any:
    request = budgets.UpdateBudgetRequest(name=name, budget=budget_pb2.Budget(**fields))
    request.update_mask.paths.extend(paths)
    return (await house.budgets.UpdateBudget(request)).budget


async def get(house: House, name: str) -> Any:
    return (await house.budgets.GetBudget(budgets.GetBudgetRequest(name=name))).budget


async def watched(
    house: House, parent: str, count: int, cursor: str = ""
) -> list[frame_pb2.EventFrame]:
    """Return so many events, each with its cursor."""
    found: list[frame_pb2.EventFrame] = []
    request = pb.WatchUsageRequest(parent=parent, cursor=cursor)
    async with asyncio.timeout(20):
        async for response in house.usage.WatchUsage(request):
            if response.frame.HasField("event"):
                found.append(response.frame)
                if len(found) == count:
                    return found
    raise AssertionError("the stream ended")


async def live(house: House, parent: str) -> str:
    """Return the cursor from which on everything is to come."""
    async with asyncio.timeout(20):
        async for response in house.usage.WatchUsage(pb.WatchUsageRequest(parent=parent)):
            if response.frame.HasField("live"):
                return str(response.frame.cursor)
    raise AssertionError("the stream ended")


@on_both_stores
async def test_calls_are_added_up_by_what_is_asked_for(house: House) -> None:
    await house.caller.make_project(OTHER)
    assert (await query(house))[0].call_count == 0
    assert await query(house, "MODEL") == []
    for_task = replace(SCOPE, task=TASK, agent="planner")
    await spend(house, scope=for_task)
    await spend(house, DIME, scope=for_task)
    await spend(house, Usage(input_tokens=2, output_tokens=1), "dust")
    await spend(house, model="nobody-knows")
    await spend(house, scope=replace(SCOPE, project=OTHER))
    await house.ledger.reserve(SCOPE, "under-way", "test", "dime", DIME)
    await house.ledger.reserve(SCOPE, "given-back", "test", "dime", DIME)
    await house.ledger.release("given-back")

    by_model = {row.model: row for row in await query(house, "MODEL")}
    assert {row.provider for row in by_model.values()} == {"test"}
    assert by_model["dime"].cost == to_money(11 * CENTS)
    assert by_model["dime"].input_tokens == DIME.input_tokens + CENT.input_tokens
    dust = by_model["dust"]  # 1.2 nanodollars, rounded up when all is added
    assert (dust.cost.nanos, dust.input_tokens, dust.output_tokens) == (2, 2, 1)
    assert by_model["nobody-knows"].unpriced_call_count == 1
    assert by_model["nobody-knows"].cost == to_money(0)

    by_task = await query(house, "TASK", "AGENT")
    assert [(row.task, row.agent, row.call_count) for row in by_task] == [
        ("", "", 2),
        (TASK, "planner", 2),
    ]
    (of_task,) = await query(house, task=TASK)
    assert (of_task.call_count, of_task.cost) == (2, to_money(11 * CENTS))

    by_project = await query(house, "PROJECT", parent=CLIENT)
    assert [(row.project, row.call_count) for row in by_project] == [(OTHER, 1), (PROJECT, 4)]
    (by_day,) = await query(house, "DAY", parent=CLIENT)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (by_day.day_time.ToDatetime(UTC), by_day.call_count) == (today, 5)
    assert await query(house, "DAY", end_time=today - timedelta(seconds=1)) == []


async def test_pages_of_rows_go_on_where_the_last_one_ended(house: House) -> None:
    for number in range(5):
        await spend(house, scope=replace(SCOPE, agent=f"a{number}"))
    request = pb.QueryUsageRequest(parent=PROJECT, group_by=["USAGE_DIMENSION_AGENT"], page_size=2)
    agents = []
    while True:
        page = await house.usage.QueryUsage(request)
        agents += [row.agent for row in page.rows]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert agents == [f"a{number}" for number in range(5)]
    request.group_by.append(pb.USAGE_DIMENSION_DAY)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await house.usage.QueryUsage(request)
    assert reason_of(error.value) == "INVALID_PAGE_TOKEN"
    for fields in (
        {"start_time": datetime(2026, 2, 1, tzinfo=UTC), "end_time": datetime(2026, 1, 1)},
        {"start_time": datetime(2020, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await query(house, **fields)
        assert fields_of(error.value) == ["start_time"]
    assert len(await query(house, end_time=datetime(1, 1, 1))) == 1


@on_both_stores
async def test_a_budget_warns_refuses_and_says_so_once(house: House) -> None:
    start = await live(house, CLIENT)
    spent_before = await spend(house)
    team = await create(house, "team", amount=to_money(30 * CENTS), warning_percent=50)
    assert (team.name, team.spent) == (f"{PROJECT}/budgets/team", to_money(CENTS))
    assert team.period == budget_pb2.BUDGET_PERIOD_MONTH
    assert team.period_end_time.ToDatetime(UTC) > datetime.now(UTC)
    await create(house, "all", CLIENT, amount=to_money(100 * CENTS))
    for _ in range(2):
        await spend(house, DIME)
    refusals = [spend(house, DIME) for _ in range(3)]
    for refused in await asyncio.gather(*refusals, return_exceptions=True):
        assert "BUDGET_EXHAUSTED" in str(refused)
    await spend(house, Usage(input_tokens=9 * 10**5))
    frames = await watched(house, CLIENT, 6, start)
    told = [(frame.event.kind, frame.event.resource.rpartition("/")[2]) for frame in frames]
    assert told[0] == (KINDS.EVENT_KIND_USAGE_RECORDED, spent_before)
    kinds = [kind for kind, _ in told]
    assert kinds.count(KINDS.EVENT_KIND_USAGE_RECORDED) == 4
    assert told.count((KINDS.EVENT_KIND_BUDGET_WARNED, "team")) == 1
    assert told.count((KINDS.EVENT_KIND_BUDGET_EXHAUSTED, "team")) == 1
    again = await watched(house, CLIENT, 3, frames[2].cursor)
    assert [frame.event for frame in again] == [frame.event for frame in frames[3:]]
    now = await get(house, team.name)
    assert (now.spent, now.reserved) == (to_money(30 * CENTS), to_money(0))
    assert now.warn_time.seconds
    assert now.exhaust_time.seconds
    assert (await get(house, f"{CLIENT}/budgets/all")).spent == to_money(30 * CENTS)
    with pytest.raises(Exception, match="raise the budget, wait until"):
        await spend(house)
    raised = await update(house, team.name, amount=to_money(PICOS))
    assert not raised.HasField("exhaust_time")
    await spend(house)


async def test_a_call_of_which_nothing_is_heard_lapses_by_itself(house: House) -> None:
    team = await create(house, "team", amount=to_money(100 * CENTS))
    start = await live(house, PROJECT)
    hasty = ledger_on(house.store, usage_reservation_ttl_s=1.0)
    await hasty.reserve(SCOPE, "lost", "test", "dime", DIME)
    assert (await get(house, team.name)).reserved == to_money(10 * CENTS)
    (frame,) = await watched(house, PROJECT, 1, start)
    assert frame.event.usage_recorded.estimated
    async with asyncio.timeout(10):
        while (now := await get(house, team.name)).reserved != to_money(0):
            await asyncio.sleep(0.05)
    assert now.spent == to_money(10 * CENTS)
    (row,) = await query(house)
    assert (row.call_count, row.estimated_call_count) == (1, 1)
    await house.ledger.settle("lost", CENT)
    assert (await get(house, team.name)).spent == to_money(CENTS)
    (row,) = await query(house)
    assert (row.cost, row.estimated_call_count) == (to_money(CENTS), 0)
    found = await find_call(house.store, "lost")
    assert found
    assert found.state == "SETTLED"


async def test_budgets_are_listed_changed_and_removed(house: House) -> None:
    await spend(house)
    fields: dict[str, Any] = {"amount": to_money(5 * CENTS), "display_name": "Team"}
    team = await create(house, "team", **fields, period="BUDGET_PERIOD_TOTAL")
    assert not team.HasField("period_start_time")
    assert team.spent == to_money(CENTS)
    day = await update(house, team.name, period="BUDGET_PERIOD_DAY", etag=team.etag)
    assert day.spent == to_money(CENTS)
    start, end = day.period_start_time.ToDatetime(), day.period_end_time.ToDatetime()
    assert end - start == timedelta(days=1)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await update(house, team.name, display_name="x", etag=team.etag)
    assert (reason_of(error.value), fields_of(error.value)) == (
        "CONCURRENT_CHANGE",
        ["budget.etag"],
    )
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await update(house, team.name, "spent")
    assert fields_of(error.value) == ["update_mask"]
    euro = money_pb2.Money(currency_code="EUR", units=1)
    for amount, field in ((None, "budget.amount"), (euro, "budget.amount.currency_code")):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await create(house, "wrong", amount=amount)
        assert fields_of(error.value) == [field]
    listing = budgets.ListBudgetsRequest(parent=PROJECT, filter='display_name = "Team"')
    listed = (await house.budgets.ListBudgets(listing)).budgets
    assert [budget.name for budget in listed] == [team.name]
    assert not (await house.budgets.ListBudgets(budgets.ListBudgetsRequest(parent=CLIENT))).budgets
    await house.budgets.DeleteBudget(budgets.DeleteBudgetRequest(name=team.name))
    await spend(house, DIME)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await get(house, team.name)
    assert reason_of(error.value) == "NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await create(house, "lost", f"{CLIENT}/projects/nowhere", **fields)
    assert reason_of(error.value) == "NOT_FOUND"
