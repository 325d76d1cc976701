"""The ledger on both stores: replicas that reserve at once, and deaths in between."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.names import new_id
from services.mesh.store import Store, now
from services.orchestrator.models.port import Usage
from services.orchestrator.usage import call as calls
from services.orchestrator.usage.budget import BUDGETS, BudgetRecord
from services.orchestrator.usage.call import CALLS, CallRecord
from services.orchestrator.usage.calls import find_call
from services.orchestrator.usage.counting import Counting
from services.orchestrator.usage.ledger import UsageLedger
from tests.integration.usage.conftest import OpenLedger
from tests.support.usage import CENT, CENTS, CLIENT, DIME, PROJECT, SCOPE, make_budget


async def reserve(ledger: UsageLedger, usage: Usage = DIME, model: str = "dime") -> str:
    call_id = new_id()
    await ledger.reserve(SCOPE, call_id, "test", model, usage)
    return call_id


async def refused(ledger: UsageLedger, usage: Usage = DIME, model: str = "dime") -> AdjutantError:
    with pytest.raises(AdjutantError) as error:
        await reserve(ledger, usage, model)
    return error.value


async def stored(store: Store, call_id: str) -> CallRecord:
    call = await find_call(store, call_id)
    assert call
    return call


async def told(store: Store) -> Counter[int]:
    return Counter(entry.event.kind for entry in await store.outbox(1000))


async def overdue(ledger: UsageLedger, store: Store) -> None:
    """Do what the orchestrator does in the background, as soon as there is something."""
    async with asyncio.timeout(10):
        while not (late := await store.due(CALLS, "due_time", now(), 10)):
            await asyncio.sleep(0.05)
    for call in late:
        await ledger.see_to(call)


async def all_lapsed(ledger: UsageLedger, store: Store, *call_ids: str) -> None:
    while {(await stored(store, call_id)).state for call_id in call_ids} != {"LAPSED"}:
        await overdue(ledger, store)


async def test_replicas_that_reserve_at_once_never_hold_more_than_the_budget(
    open_ledger: OpenLedger,
) -> None:
    (first, store), (second, _) = await open_ledger(), await open_ledger()
    team = await make_budget(store, 5.0)
    whole = await make_budget(store, 0.55, f"{CLIENT}/budgets/all", warning_percent=80)

    async def attempt(ledger: UsageLedger) -> str:
        try:
            return await reserve(ledger)
        except AdjutantError as error:
            assert (error.reason, error.metadata["budget"]) == ("BUDGET_EXHAUSTED", whole)
            return ""

    made = await asyncio.gather(*(attempt(ledger) for ledger in (first, second) * 8))
    accepted = [call_id for call_id in made if call_id]
    # Of 16 calls of 10 cents, 5 fit into 55 cents; who was refused holds nothing anywhere.
    assert len(accepted) == 5
    for name in (team, whole):
        assert (await store.get(BUDGETS, name)).reserved == 50 * CENTS
    await asyncio.gather(*(second.settle(call_id, DIME) for call_id in accepted))
    for name in (team, whole):
        budget = await store.get(BUDGETS, name)
        assert (budget.spent, budget.held, budget.due_time) == (50 * CENTS, {}, None)
    kinds = await told(store)
    assert kinds[event_pb2.EVENT_KIND_BUDGET_EXHAUSTED] == 1
    assert kinds[event_pb2.EVENT_KIND_BUDGET_WARNED] == 1
    assert kinds[event_pb2.EVENT_KIND_USAGE_RECORDED] == 5


async def test_calls_that_come_with_the_budget_do_not_go_over_it_together(
    open_ledger: OpenLedger,
) -> None:
    (first, store), (second, _) = await open_ledger(), await open_ledger()
    team = await make_budget(store, 0.55, counted=False)
    attempts = (reserve(ledger) for ledger in (first, second) * 6)
    made = await asyncio.gather(*attempts, return_exceptions=True)
    accepted = [one for one in made if isinstance(one, str)]
    assert len(accepted) <= 5
    assert (await store.get(BUDGETS, team)).reserved == len(accepted) * 10 * CENTS
    assert {str(one)[:16] for one in made if not isinstance(one, str)} == {"BUDGET_EXHAUSTED"}
    for _ in range(5 - len(accepted)):
        await reserve(second)
    await refused(first)


async def test_a_call_that_was_under_way_before_the_budget_takes_its_room(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger()
    under_way = await reserve(ledger)
    team = await make_budget(store, 0.15, counted=False)
    assert "0.05 USD is left" in (await refused(ledger)).message
    await ledger.settle(under_way, CENT)
    await reserve(ledger)
    budget = await store.get(BUDGETS, team)
    assert (budget.spent, budget.reserved) == (CENTS, 10 * CENTS)


async def test_what_was_used_takes_the_place_of_what_was_reserved(open_ledger: OpenLedger) -> None:
    ledger, store = await open_ledger()
    team = await make_budget(store, 0.15)
    first = await reserve(ledger)
    assert "0.05 USD is left" in (await refused(ledger)).message
    await ledger.settle(first, CENT)
    await ledger.settle(first, DIME)  # a repeat, whatever it says
    second = await reserve(ledger)
    await ledger.release(second)
    await ledger.release(second)
    await ledger.release("never-reserved")
    budget = await store.get(BUDGETS, team)
    assert (budget.spent, budget.reserved) == (CENTS, 0)
    settled, released = await stored(store, first), await stored(store, second)
    assert (settled.state, settled.usage, settled.cost) == ("SETTLED", CENT, CENTS)
    assert (released.state, released.usage, released.cost) == ("RELEASED", Usage(), 0)
    for wrong in (ledger.settle(second, CENT), ledger.release(first)):
        with pytest.raises(AdjutantError, match="ILLEGAL_TRANSITION"):
            await wrong
    with pytest.raises(AdjutantError, match="NOT_FOUND"):
        await ledger.settle("never-reserved", CENT)


async def test_a_reservation_that_is_repeated_is_one(open_ledger: OpenLedger) -> None:
    (first, store), (second, _) = await open_ledger(), await open_ledger()
    team = await make_budget(store, 1.0)
    for ledger in (first, second):
        await ledger.reserve(SCOPE, "once", "test", "dime", DIME)
    assert (await store.get(BUDGETS, team)).reserved == 10 * CENTS
    await first.settle("once", CENT)
    with pytest.raises(AdjutantError, match="ILLEGAL_TRANSITION"):
        await second.reserve(SCOPE, "once", "test", "dime", DIME)
    assert (await store.get(BUDGETS, team)).spent == CENTS


_DYING = """
import asyncio, json, sys
from services.mesh.config import MeshSettings
from services.mesh.store import open_store_for
from services.orchestrator.usage.budget import BUDGETS
from services.orchestrator.usage.call import CALLS
from services.orchestrator.usage.ledger import UsageLedger
from services.orchestrator.usage.prices import Prices
from tests.support.usage import DIME, SCOPE, options

async def main():
    settings = MeshSettings.model_validate(json.loads(sys.argv[1]))
    own = options(usage_reservation_ttl_s=0.5)
    store = await open_store_for(settings, (CALLS, BUDGETS))
    await UsageLedger(store, Prices(own.model_prices), own).reserve(
        SCOPE, "killed", "test", "dime", DIME
    )
    print("reserved", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_call_whose_process_was_killed_counts_as_what_was_reserved(
    open_ledger: OpenLedger, shared: dict[str, Any]
) -> None:
    ledger, store = await open_ledger()
    team = await make_budget(store, 0.15)
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DYING, json.dumps(shared), stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout
    assert await asyncio.wait_for(dying.stdout.readline(), 30) == b"reserved\n"
    os.kill(dying.pid, signal.SIGKILL)
    await dying.wait()
    assert (await refused(ledger)).reason == "BUDGET_EXHAUSTED"
    await overdue(ledger, store)
    call, budget = await stored(store, "killed"), await store.get(BUDGETS, team)
    assert (call.state, call.usage, call.cost) == ("LAPSED", DIME, 10 * CENTS)
    assert (budget.spent, budget.held) == (10 * CENTS, {})
    assert (await refused(ledger)).reason == "BUDGET_EXHAUSTED"
    # It was not dead after all, or somebody read the provider's bill.
    await ledger.settle("killed", CENT)
    assert (await store.get(BUDGETS, team)).spent == CENTS
    await reserve(ledger)


async def test_what_is_known_of_a_lapsed_call_later_changes_the_budget_by_the_difference(
    open_ledger: OpenLedger,
) -> None:
    """What the budget spent on calls that are gone, with their project or with time, stays."""
    ledger, store = await open_ledger(usage_reservation_ttl_s=0.2)
    team = await make_budget(store, 5.0)
    whole = await make_budget(store, 5.0, f"{CLIENT}/budgets/all")
    gone = await reserve(ledger)
    await ledger.settle(gone, DIME)
    await store.delete(CALLS, (await stored(store, gone)).name)
    settled, released, never = [await reserve(ledger) for _ in range(3)]
    await all_lapsed(ledger, store, settled, released, never)
    assert (await store.get(BUDGETS, team)).spent == 40 * CENTS
    await ledger.settle(settled, CENT)
    await ledger.settle(settled, CENT)
    await ledger.release(released)
    for name in (team, whole):
        budget = await store.get(BUDGETS, name)
        assert (budget.spent, budget.held) == (21 * CENTS, {})
        assert budget.lapsed == {never: 10 * CENTS}
    call = await stored(store, never)
    call.due_time = now()
    await ledger.see_to(call)
    for name in (team, whole):
        budget = await store.get(BUDGETS, name)
        assert (budget.spent, budget.lapsed) == (21 * CENTS, {})


async def test_a_lapsed_call_is_corrected_though_its_budget_was_away_at_first(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, store = await open_ledger(usage_reservation_ttl_s=0.2)
    team = await make_budget(store, 5.0)
    call_id = await reserve(ledger)
    await overdue(ledger, store)

    async def away(*_: object) -> None:
        raise AdjutantError("STORE_UNAVAILABLE", "as if it were gone")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_let_go", away)
        with pytest.raises(AdjutantError, match="STORE_UNAVAILABLE"):
            await ledger.settle(call_id, CENT)
    assert (await store.get(BUDGETS, team)).spent == 10 * CENTS
    await ledger.settle(call_id, CENT)  # as whoever settles does then
    assert (await store.get(BUDGETS, team)).spent == CENTS


async def test_a_budget_that_counts_a_lapsed_call_is_corrected_too(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger(usage_reservation_ttl_s=0.2)
    call_id, other = await reserve(ledger), await reserve(ledger)
    await all_lapsed(ledger, store, call_id, other)
    await ledger.settle(other, CENT)
    before = await make_budget(store, 5.0, f"{PROJECT}/budgets/before", counted=False)
    after = await make_budget(store, 5.0, f"{PROJECT}/budgets/after", counted=False)
    counting = Counting(store, 10**6)
    counted = await counting.counted(await store.get(BUDGETS, before))
    assert counted.spent == 11 * CENTS
    await ledger.settle(call_id, CENT)
    await counting.counted(await store.get(BUDGETS, after))
    for name in (before, after):
        budget = await store.get(BUDGETS, name)
        assert (budget.spent, budget.lapsed) == (2 * CENTS, {})


async def test_what_broke_off_between_the_call_and_its_budget_is_made_up_for(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger(usage_reservation_ttl_s=0.2)
    team = await make_budget(store, 1.0)
    settled, refused_one, forgotten = [await reserve(ledger) for _ in range(3)]
    keep = now()
    for call_id, change in (
        (settled, lambda call: calls.settle(call, CENT, CENTS, keep)),
        (refused_one, lambda call: calls.release(call, keep)),
    ):
        await store.update(CALLS, (await stored(store, call_id)).name, change)
    await store.delete(CALLS, (await stored(store, forgotten)).name)
    assert (await store.get(BUDGETS, team)).reserved == 30 * CENTS
    async with asyncio.timeout(10):
        while (budget := await store.get(BUDGETS, team)).held:
            await ledger.tidy(budget)
            await asyncio.sleep(0.05)
    assert (budget.spent, budget.held, budget.due_time) == (CENTS, {}, None)


async def test_a_budget_counts_what_was_spent_before_it_while_calls_go_on(
    open_ledger: OpenLedger,
) -> None:
    """Each call is counted once, whenever the budget comes between its steps."""
    (first, store), (second, _) = await open_ledger(), await open_ledger()
    made = 0

    async def work(ledger: UsageLedger) -> None:
        nonlocal made
        for number in range(8):
            call_id = await reserve(ledger)
            await asyncio.sleep(0)
            if number % 4:
                await ledger.settle(call_id, CENT)
                made += 1
            else:
                await ledger.release(call_id)

    async def budgets() -> list[str]:
        names = [f"{CLIENT}/budgets/b{n}" for n in range(6)]
        for name in names:
            await make_budget(store, 1000.0, name, counted=False)
            await asyncio.sleep(0.02)
        return names

    making = asyncio.ensure_future(budgets())
    await asyncio.gather(*(work(ledger) for ledger in (first, second) for _ in range(2)))
    names = await making
    late = await reserve(first)  # so that the last budget is counted too
    await first.release(late)
    for name in names:
        budget = await store.get(BUDGETS, name)
        for call_id in budget.held:  # seen at the wrong moment: it is looked after when it is due
            await first._let_go(name, await stored(store, call_id), call_id)
        assert (await store.get(BUDGETS, name)).spent == made * CENTS


async def test_a_model_of_unknown_price_is_refused_where_a_budget_holds(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger()
    call_id = await reserve(ledger, model="nobody-knows")
    await ledger.settle(call_id, DIME)
    assert (await stored(store, call_id)).unpriced
    await make_budget(store, 1.0)
    error = await refused(ledger, model="nobody-knows")
    assert error.reason == "PRICE_UNKNOWN"
    assert "ADJUTANT_MODEL_PRICES" in error.message


async def test_what_is_free_is_never_refused_and_nothing_else_passes_an_empty_budget(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger()
    await make_budget(store, 0.0)
    await ledger.reserve(SCOPE, "free", "ollama", "llama3", DIME)
    assert (await refused(ledger, Usage())).reason == "BUDGET_EXHAUSTED"
    assert (await refused(ledger, Usage(input_tokens=1), "dust")).reason == "BUDGET_EXHAUSTED"


async def test_a_budget_of_another_project_does_not_hold(open_ledger: OpenLedger) -> None:
    ledger, store = await open_ledger()
    await make_budget(store, 0.0, "clients/acme/projects/other/budgets/none")
    await make_budget(store, 0.0, "clients/other/budgets/none")
    await reserve(ledger)
    other = replace(SCOPE, project="clients/acme/projects/other")
    with pytest.raises(AdjutantError, match="BUDGET_EXHAUSTED"):
        await ledger.reserve(other, "there", "test", "dime", DIME)


async def test_a_cancelled_reservation_holds_nothing(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, store = await open_ledger()
    team = await make_budget(store, 1.0)
    held = asyncio.Event()
    ask = ledger._ask

    async def ask_and_wait(name: str, call: CallRecord) -> object:
        answer = await ask(name, call)
        held.set()
        await asyncio.sleep(60)
        return answer

    monkeypatch.setattr(ledger, "_ask", ask_and_wait)
    reserving = asyncio.ensure_future(reserve(ledger))
    await held.wait()
    assert (await store.get(BUDGETS, team)).reserved == 10 * CENTS
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    assert (await store.get(BUDGETS, team)).held == {}


async def test_a_store_that_fails_lets_no_call_through(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, store = await open_ledger()
    team = await make_budget(store, 1.0)

    async def fail(*_: object) -> BudgetRecord:
        raise AdjutantError("STORE_UNAVAILABLE", "as if it were gone")

    monkeypatch.setattr(ledger, "_ask", fail)
    assert (await refused(ledger)).reason == "STORE_UNAVAILABLE"
    assert (await store.get(BUDGETS, team)).reserved == 0


async def test_calls_are_forgotten_when_they_were_kept_long_enough(
    open_ledger: OpenLedger,
) -> None:
    ledger, store = await open_ledger()
    call_id = await reserve(ledger)
    await ledger.settle(call_id, CENT)
    call = await stored(store, call_id)
    await ledger.see_to(call)
    assert await find_call(store, call_id)
    call.due_time = now()
    await ledger.see_to(call)
    assert await find_call(store, call_id) is None
    await ledger.see_to(call)  # another replica comes second
