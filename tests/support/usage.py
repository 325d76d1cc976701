"""What tests of the ledger spend, and where."""

from typing import Any, Final

from services.mesh.store import Store, now
from services.orchestrator.models.port import CallScope, Usage
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.usage.amount import PICOS
from services.orchestrator.usage.budget import BUDGETS, BudgetRecord, roll

CLIENT: Final = "clients/acme"
PROJECT: Final = f"{CLIENT}/projects/shop"
SCOPE: Final = CallScope(project=PROJECT, principal="users/ada")
PRICES: Final[dict[str, Any]] = {
    "test/dime": {"input": 0.1, "cached_input": 0.01, "output": 1},
    "test/dust": {"input": 0.0004, "output": 0.0004},
}
"""A million tokens to `dime` are ten cents; one of `dust` is four tenths of a nanodollar."""
DIME: Final = Usage(input_tokens=10**6)
CENT: Final = Usage(input_tokens=10**5)
CENTS: Final = PICOS // 100


def options(**values: Any) -> OrchestratorSettings:
    """Return the orchestrator's settings, with these prices."""
    return OrchestratorSettings.model_validate({"model_prices": PRICES, **values})


async def make_budget(
    store: Store, dollars: float, name: str = "", *, counted: bool = True, **values: Any
) -> str:
    """Put a budget into the store; `counted` where nothing was spent before."""
    record = BudgetRecord(
        name=name or f"{PROJECT}/budgets/team",
        create_time=now(),
        update_time=now(),
        amount=round(dollars * PICOS),
        counted=counted,
        **values,
    )
    roll(record, now())
    return (await store.insert(BUDGETS, record)).record.name
