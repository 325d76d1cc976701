"""Counts for a new budget what was spent in its period before there was one.

A budget holds nothing before it is counted, and a call is in the store before it looks for its
budgets. So each call of the period is either seen here or holds for itself. Whoever needs the
budget counts, so it does not matter who made it and died.
"""

from datetime import datetime, timedelta
from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.names import parent_of
from services.mesh.store import Store, now
from services.orchestrator.usage.budget import BUDGETS, BudgetRecord, Events, count, roll
from services.orchestrator.usage.calls import calls_of

_TRIES: Final = 10
_BEGINNING: Final = datetime.fromisoformat("2026-01-01T00:00:00Z")
"""No call was made before there was this."""


class Counting:
    """Sees to it that budgets know what was spent."""

    def __init__(self, store: Store, keep_s: float) -> None:
        """Take how long calls are kept, in seconds; a budget of TOTAL looks as far back."""
        self._store = store
        self._kept = timedelta(seconds=keep_s)

    async def counted(self, budget: BudgetRecord) -> BudgetRecord:
        """Return the budget when it is counted. CONCURRENT_CHANGE, NOT_FOUND."""
        for _ in range(_TRIES):
            if budget.counted:
                return budget
            budget = await self._count(budget)
        raise changing(budget.name)

    async def _count(self, budget: BudgetRecord) -> BudgetRecord:
        roll(budget, now())
        start = budget.period_start
        first = start or max(now() - self._kept, _BEGINNING)
        found = calls_of(self._store, parent_of(budget.name), first, now())
        calls = [call async for call in found if call.cost]

        def change(current: BudgetRecord) -> Events | None:
            return count(current, start, calls)

        return await self._store.update(BUDGETS, budget.name, change)


def changing(name: str) -> AdjutantError:
    """Return the error for a budget that others change without a pause."""
    return AdjutantError(
        "CONCURRENT_CHANGE",
        f"{name} is being changed all the time; try again in a moment.",
        retry_after_s=1.0,
    )
