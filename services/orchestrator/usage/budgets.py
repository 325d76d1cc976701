"""What callers do with budgets."""

from typing import Final

from adjutant.orchestrator.v1 import budget_pb2
from adjutant.orchestrator.v1 import budget_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.names import child
from services.mesh.store import Page, Store, now
from services.orchestrator.requests import check_etag, request_key
from services.orchestrator.tenancy.kinds import stands
from services.orchestrator.usage import amount, period
from services.orchestrator.usage.budget import (
    BUDGETS,
    BudgetRecord,
    Events,
    reconsider,
    recount,
    roll,
)
from services.orchestrator.usage.counting import Counting

PATHS: Final = ("display_name", "amount", "period", "warning_percent")
"""What an update mask may name."""
_PERIODS: Final = {
    budget_pb2.BUDGET_PERIOD_UNSPECIFIED: period.MONTH,
    budget_pb2.BUDGET_PERIOD_DAY: period.DAY,
    budget_pb2.BUDGET_PERIOD_MONTH: period.MONTH,
    budget_pb2.BUDGET_PERIOD_TOTAL: period.TOTAL,
}


class Budgets:
    """The budgets of clients and projects."""

    def __init__(self, store: Store, keep_s: float) -> None:
        """Take how long calls are kept, in seconds."""
        self._store = store
        self._counting = Counting(store, keep_s)

    async def create(self, request: pb.CreateBudgetRequest) -> BudgetRecord:
        """Make a budget. INVALID_REQUEST, ALREADY_EXISTS, NOT_FOUND, REQUEST_ID_REUSED."""
        time = now()
        record = BudgetRecord(
            name=child(request.parent, BUDGETS.name, request.budget_id),
            create_time=time,
            update_time=time,
        )
        _apply(record, request.budget, PATHS)
        roll(record, time)
        inserted = await self._store.insert(
            BUDGETS,
            record,
            request=request_key(request.parent, request),
            guard=stands(request.parent),
        )
        return await self._counting.counted(inserted.record)

    async def get(self, name: str) -> BudgetRecord:
        """Return a budget. NOT_FOUND."""
        return await self._counting.counted(await self._store.get(BUDGETS, name))

    async def page(self, request: pb.ListBudgetsRequest) -> Page[BudgetRecord]:
        """Return a page of budgets. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        page = await self._store.page(
            BUDGETS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        counted = [await self._counting.counted(record) for record in page.records]
        return Page(counted, page.next_page_token)

    async def update(self, request: pb.UpdateBudgetRequest) -> BudgetRecord:
        """Change a budget. NOT_FOUND, CONCURRENT_CHANGE, and what `create` raises."""
        asked, paths = request.budget, _paths(request)

        def change(record: BudgetRecord) -> Events | None:
            check_etag(record, asked.etag, "budget.etag")
            roll(record, now())
            before = record.period
            _apply(record, asked, paths)
            if record.period != before:
                record.period_start = period.start_of(record.period, now())
                recount(record)
            if not paths:
                return None
            return reconsider(record) if set(paths) - {"display_name"} else []

        return await self._counting.counted(await self._store.update(BUDGETS, request.name, change))

    async def delete(self, name: str) -> None:
        """Remove a budget. NOT_FOUND."""
        await self._store.delete(BUDGETS, name)


def _apply(record: BudgetRecord, asked: budget_pb2.Budget, paths: tuple[str, ...]) -> None:
    for path in paths:
        if path == "amount":
            if not asked.HasField("amount"):
                message = "Say how much may be spent, such as 50 USD."
                raise AdjutantError("INVALID_REQUEST", message, field="budget.amount")
            record.amount = amount.of_money(asked.amount, "budget.amount")
        elif path == "period":
            record.period = _PERIODS[asked.period]
        else:
            setattr(record, path, getattr(asked, path))


def _paths(request: pb.UpdateBudgetRequest) -> tuple[str, ...]:
    for path in request.update_mask.paths:
        if path not in PATHS:
            raise AdjutantError(
                "INVALID_REQUEST",
                f"{path!r} is no field that can be changed; use {', '.join(PATHS)}.",
                field="update_mask",
            )
    set_ones = {field.name for field, _ in request.budget.ListFields()}
    return tuple(request.update_mask.paths) or tuple(path for path in PATHS if path in set_ones)
