"""Days that are over are added up once, and only when nothing changes them any more."""

import asyncio
from datetime import timedelta

from adjutant.orchestrator.v1 import usage_service_pb2 as pb
from services.mesh.store import Store, now
from services.orchestrator.models.port import Usage
from services.orchestrator.usage import call as calls
from services.orchestrator.usage.amount import to_money
from services.orchestrator.usage.call import CALLS, day_key
from services.orchestrator.usage.calls import find_call
from services.orchestrator.usage.day import DAYS, UsageDays
from services.orchestrator.usage.period import day_of, day_text
from services.orchestrator.usage.sums import Sums
from tests.integration.usage.conftest import OpenLedger
from tests.support.usage import CENT, CENTS, CLIENT, PROJECT, SCOPE

KEEP_S = 400 * 86400.0


async def put(store: Store, call_id: str, state: str, days_ago: int) -> None:
    """Put a call of an earlier day into the store."""
    call = calls.new_call(SCOPE, call_id, "test", "dime", timedelta(hours=1))
    calls.take(call, CENT, CENTS)
    call.state, call.create_time = state, call.create_time - timedelta(days=days_ago)
    call.day = day_text(call.create_time)
    call.client_day = day_key("acme", call.day)
    await store.insert(CALLS, call)


async def total(store: Store, parent: str) -> tuple[int, int]:
    """Return how many calls there were, and what they cost in cents."""
    sums = Sums(UsageDays(store, KEEP_S))
    (row,) = (await sums.query(pb.QueryUsageRequest(parent=parent))).rows
    return row.call_count, row.cost.nanos // to_money(CENTS).nanos


async def kept(store: Store) -> list[str]:
    return sorted([day.name async for day in store.scan(DAYS, {})])


async def test_a_day_that_is_over_is_kept_when_its_calls_have_ended(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger()
    for number, state in enumerate(("SETTLED", "SETTLED", "RELEASED")):
        await put(store, f"old-{number}", state, 5)
    await put(store, "open", "LAPSED", 4)
    await put(store, "late", "SETTLED", 1)
    await put(store, "new", "SETTLED", 0)
    for parent in (CLIENT, PROJECT):
        asked_at_once = await asyncio.gather(total(store, parent), total(store, parent))
        assert set(asked_at_once) == {(5, 5)}
    day = day_text(now() - timedelta(days=5))
    assert await kept(store) == [f"{parent}/usageDays/{day}" for parent in (PROJECT, CLIENT)]
    # It is read from there; and what lapsed can still come to be known.
    old = await find_call(store, "old-0")
    assert old
    await store.delete(CALLS, old.name)
    await ledger.settle("open", Usage())
    assert await total(store, CLIENT) == (5, 4)
    assert len(await kept(store)) == 3


async def test_a_kept_day_goes_with_its_project_and_after_its_time(
    open_ledger: OpenLedger,
) -> None:
    _, store = await open_ledger()
    await put(store, "old", "SETTLED", 5)
    assert await total(store, CLIENT) == (1, 1)
    days = UsageDays(store, KEEP_S)
    await days.before_purge(PROJECT)
    await store.purge(PROJECT)
    assert await total(store, CLIENT) == (0, 0)
    assert await kept(store) == []
    await put(store, "other", "SETTLED", 5)
    await total(store, CLIENT)
    (day,) = [day async for day in store.scan(DAYS, {})]
    assert day.due_time == day_of(now() - timedelta(days=5)) + timedelta(days=402)
    await days.forget(day)
    await days.forget(day)
    assert await kept(store) == []
