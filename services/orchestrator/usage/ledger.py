"""The ledger: what calls may cost is set aside before, and what they did cost noted after.

A reservation is the call's own record, which is in the store before the budgets are asked; each
budget then sets the amount aside in its own record, or refuses. What dies in between holds too
much and never too little: a call of which nothing is heard lapses after a time, and counts as
what was reserved.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from services.mesh.access.scope import client_of
from services.mesh.errors import AdjutantError, not_found, suppress_not_found
from services.mesh.names import parent_of
from services.mesh.store import Store, now
from services.orchestrator.models.port import CallScope, Usage
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.usage import call as calls
from services.orchestrator.usage.amount import text_of
from services.orchestrator.usage.budget import (
    BUDGETS,
    Answer,
    BudgetRecord,
    forget,
    hold,
    let_go,
)
from services.orchestrator.usage.call import CALLS, CallRecord, Events
from services.orchestrator.usage.calls import find_call
from services.orchestrator.usage.counting import Counting, changing
from services.orchestrator.usage.period import end_of
from services.orchestrator.usage.prices import Prices

log = logging.getLogger(__name__)
_TRIES: Final = 10


class UsageLedger:
    """A `models.port.Ledger` in the store, which replicas share."""

    def __init__(self, store: Store, prices: Prices, settings: OrchestratorSettings) -> None:
        self._store = store
        self._prices = prices
        self._counting = Counting(store, settings.usage_ttl_s)
        self._lease = timedelta(seconds=settings.usage_reservation_ttl_s)
        self._keep = timedelta(seconds=settings.usage_ttl_s)

    async def reserve(
        self, scope: CallScope, call_id: str, provider: str, model: str, estimate: Usage
    ) -> None:
        """Set aside what a call may cost. BUDGET_EXHAUSTED, PRICE_UNKNOWN.

        ILLEGAL_TRANSITION where the id is that of a call that has ended.
        """
        call = calls.new_call(scope, call_id, provider, model, self._lease)
        cost = await self._prices.cost(provider, model, estimate, call.create_time)
        calls.take(call, estimate, cost)
        call = await self._insert(call)
        if await self._prices.is_free(provider, model, call.create_time):
            return
        try:
            for budget in await self._budgets(scope.project):
                with suppress_not_found():  # a budget that was removed bounds nothing
                    await self._hold(budget, call)
        except BaseException:
            # The call is not made; a caller that was cancelled does not leave it reserved either.
            await asyncio.shield(self._give_back(call_id))
            raise

    async def settle(self, call_id: str, usage: Usage) -> None:
        """Note what a call took. NOT_FOUND, and ILLEGAL_TRANSITION where it was released."""
        call = await find_call(self._store, call_id)
        if call is None:
            raise not_found("model call", call_id)
        cost = await self._prices.cost(call.provider, call.model, usage, call.create_time)
        keep_until = call.create_time + self._keep
        await self._end(call.name, lambda current: calls.settle(current, usage, cost, keep_until))

    async def release(self, call_id: str) -> None:
        """Note that a call took nothing. ILLEGAL_TRANSITION where it was settled."""
        call = await find_call(self._store, call_id)
        if call is not None:
            forget = now() + self._lease
            await self._end(call.name, lambda current: calls.release(current, forget))

    async def see_to(self, call: CallRecord) -> None:
        """Have a call lapse of which nobody was heard, and forget one that was kept long enough."""
        if call.state == "RESERVED":
            await self._lapse(call)
        elif call.due_time <= now():
            if call.state == "LAPSED":
                await self._forget(call)
            with suppress_not_found():
                await self._store.delete(CALLS, call.name)

    async def tidy(self, budget: BudgetRecord) -> None:
        """Look what became of the calls that hold some of a budget for longer than they may."""
        overdue = [one for one, held in budget.held.items() if held.until <= now()]
        for call_id in overdue:
            call = await find_call(self._store, call_id)
            if call is not None and call.state == "RESERVED":
                call = await self._lapse(call)
            with suppress_not_found():
                await self._let_go(budget.name, call, call_id)

    async def _insert(self, call: CallRecord) -> CallRecord:
        """Return the call as it is in the store; a repeat finds the first."""
        try:
            return (await self._store.insert(CALLS, call)).record
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":
                raise
        first = await self._store.get(CALLS, call.name)
        if first.state != "RESERVED":
            calls.CALL_STATES.check(first.state, "RESERVED")
        return first

    async def _budgets(self, project: str) -> list[BudgetRecord]:
        """Return the budgets that hold in a project, the one with the least room first.

        Whoever is refused by it has not taken the others' room for a moment.
        """
        where = {"parent": (f"clients/{client_of(project)}", project)}
        found = [budget async for budget in self._store.scan(BUDGETS, where)]
        return sorted(found, key=lambda budget: budget.left)

    async def _hold(self, budget: BudgetRecord, call: CallRecord) -> None:
        if call.unpriced:
            raise _unpriced(budget, call)
        for _ in range(_TRIES):
            await self._counting.counted(budget)
            budget, answer = await self._ask(budget.name, call)
            if answer and answer.fits:
                return
            if answer:
                raise _exhausted(budget, call, answer.left)
        raise changing(budget.name)

    async def _ask(self, name: str, call: CallRecord) -> tuple[BudgetRecord, Answer | None]:
        """Return what a budget says to a call; None where it is to be counted first."""
        answers: list[Answer | None] = []

        def change(budget: BudgetRecord) -> Events | None:
            answer = hold(budget, call) if budget.counted else None
            answers.append(answer)
            return answer.events if answer else None

        budget = await self._store.update(BUDGETS, name, change)
        return budget, answers[-1]

    async def _give_back(self, call_id: str) -> None:
        try:
            await self.release(call_id)
        except AdjutantError as error:
            log.warning(
                "call %s was refused and stays reserved until it lapses: %s", call_id, error
            )

    async def _lapse(self, call: CallRecord) -> CallRecord:
        log.warning("nobody said what %s took; it counts as was reserved", call.name)
        keep_until = call.create_time + self._keep
        return await self._end(call.name, lambda current: calls.lapse(current, keep_until))

    async def _end(self, name: str, change: Callable[[CallRecord], Events | None]) -> CallRecord:
        """Change a call, and tell the budgets that it held some of what became of it."""
        before: list[str] = []

        def noted(call: CallRecord) -> Events | None:
            before.append(call.state)
            return change(call)

        call = await self._store.update(CALLS, name, noted)
        for budget in await self._budgets(parent_of(name)):
            with suppress_not_found():
                if before[-1] == "LAPSED":  # whoever counts it now may have seen it before
                    budget = await self._counting.counted(budget)
                if call.call_id in budget.held or call.call_id in budget.lapsed:
                    await self._let_go(budget.name, call, call.call_id)
        return call

    async def _forget(self, call: CallRecord) -> None:
        for budget in await self._budgets(parent_of(call.name)):
            if call.call_id in budget.lapsed:
                with suppress_not_found():
                    await self._store.update(
                        BUDGETS, budget.name, lambda current: forget(current, call.call_id)
                    )

    async def _let_go(self, name: str, call: CallRecord | None, call_id: str) -> None:
        await self._store.update(BUDGETS, name, lambda current: let_go(current, call, call_id))


def _exhausted(budget: BudgetRecord, call: CallRecord, left: int) -> AdjutantError:
    end = end_of(budget.period, budget.period_start)
    renewal = f"wait until {end:%Y-%m-%d %H:%M} UTC, " if end else ""
    return AdjutantError(
        "BUDGET_EXHAUSTED",
        f"A call of {call.provider}/{call.model} may cost {text_of(call.cost)}, and of budget "
        f"{budget.name} no more than {text_of(left)} is left; raise the budget, {renewal}or use a "
        "model that costs less.",
        metadata={"budget": budget.name},
    )


def _unpriced(budget: BudgetRecord, call: CallRecord) -> AdjutantError:
    model = f"{call.provider}/{call.model}"
    return AdjutantError(
        "PRICE_UNKNOWN",
        f"Budget {budget.name} holds, and what {model} costs is not known; say its price in "
        "ADJUTANT_MODEL_PRICES of the orchestrator.",
        metadata={"budget": budget.name, "model": model},
    )
