"""Usage: what calls of models took and cost, and the budgets that bound it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.streams import ReconnectPolicy, event_frames
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    import datetime
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from adjutant_messages.adjutant.common.v1 import Money
    from adjutant_messages.adjutant.event.v1 import EventFrame

_SERVICE: Final = "orchestrator"
_USAGE: Final = "/adjutant.orchestrator.v1.UsageService/"
_BUDGET: Final = "/adjutant.orchestrator.v1.BudgetService/"
_QUERY = Method(_SERVICE, _USAGE + "QueryUsage", v1.QueryUsageRequest, v1.QueryUsageResponse)
_WATCH = Method(_SERVICE, _USAGE + "WatchUsage", v1.WatchUsageRequest, v1.WatchUsageResponse)
_CREATE = Method(
    _SERVICE, _BUDGET + "CreateBudget", v1.CreateBudgetRequest, v1.CreateBudgetResponse
)
_GET = Method(_SERVICE, _BUDGET + "GetBudget", v1.GetBudgetRequest, v1.GetBudgetResponse)
_LIST = Method(_SERVICE, _BUDGET + "ListBudgets", v1.ListBudgetsRequest, v1.ListBudgetsResponse)
_UPDATE = Method(
    _SERVICE, _BUDGET + "UpdateBudget", v1.UpdateBudgetRequest, v1.UpdateBudgetResponse
)
_DELETE = Method(
    _SERVICE, _BUDGET + "DeleteBudget", v1.DeleteBudgetRequest, v1.DeleteBudgetResponse
)


class Usage:
    """What models cost; `Adjutant.usage`. Every method raises `AdjutantError`s.

    `parent` is the name of a client or a project; empty means the project that the `Adjutant`
    is for.
    """

    def __init__(self, transport: Transport, parent: str, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._parent = parent
        self._policy = policy

    async def query(
        self,
        *group_by: v1.UsageDimension,
        parent: str = "",
        start_time: datetime.datetime | None = None,
        end_time: datetime.datetime | None = None,
        task: str = "",
        page_size: int = 500,
    ) -> AsyncGenerator[v1.UsageRow, None]:
        """Yield the sums of the last 30 days, or of the days between two times, in groups.

        Without `group_by` it is one row. `task` keeps the calls for one task, by its full name.
        """

        async def page(token: str) -> tuple[list[v1.UsageRow], str]:
            request = v1.QueryUsageRequest(
                parent=parent or self._parent,
                start_time=start_time,
                end_time=end_time,
                group_by=list(group_by),
                task=task,
                page_size=page_size,
                page_token=token,
            )
            answer = await self._transport.unary(_QUERY, request)
            return answer.rows, answer.next_page_token

        async for row in pages(page):
            yield row

    async def watch(
        self, *, parent: str = "", cursor: str = "", heartbeats: bool = False
    ) -> AsyncGenerator[EventFrame, None]:
        """Yield what calls come to and what budgets say, from `cursor` or from now on.

        It never ends by itself; a lost connection is taken up again where it was.
        """

        async def open_at(position: str) -> AsyncIterator[EventFrame]:
            request = v1.WatchUsageRequest(parent=parent or self._parent, cursor=position)
            async for answer in self._transport.stream(_WATCH, request):
                yield present(answer.frame)

        async for frame in event_frames(
            open_at, cursor, policy=self._policy, endless=True, heartbeats=heartbeats
        ):
            yield frame


class Budgets:
    """What models may cost; `Adjutant.budgets`. Every method raises `AdjutantError`s.

    `parent` is as in `Usage`.
    """

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        budget_id: str,
        amount: Money,
        *,
        period: v1.BudgetPeriod = v1.BudgetPeriod.UNSPECIFIED,
        warning_percent: int = 0,
        display_name: str = "",
        parent: str = "",
        request_id: str = "",
    ) -> v1.Budget:
        """Bound what may be spent in a period, in US dollars; the period is a month unless given.

        Repeating the call with the same `request_id` returns the same budget.
        """
        budget = v1.Budget(
            display_name=display_name,
            amount=amount,
            period=period,
            warning_percent=warning_percent,
        )
        request = v1.CreateBudgetRequest(
            parent=parent or self._parent,
            request_id=request_id or str(uuid.uuid4()),
            budget_id=budget_id,
            budget=budget,
        )
        return present((await self._transport.unary(_CREATE, request)).budget)

    async def get(self, name: str) -> v1.Budget:
        """Return a budget by its full name, and what is spent of it."""
        request = v1.GetBudgetRequest(name=name)
        return present((await self._transport.unary(_GET, request)).budget)

    async def list(
        self,
        *,
        parent: str = "",
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Budget, None]:
        """Yield the budgets of a client or project itself, newest first unless `order_by` says."""

        async def page(token: str) -> tuple[list[v1.Budget], str]:
            request = v1.ListBudgetsRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.budgets, answer.next_page_token

        async for budget in pages(page):
            yield budget

    async def update(self, name: str, changes: v1.Budget, paths: Sequence[str] = ()) -> v1.Budget:
        """Change the fields that `paths` name, or all that are set, and return the budget.

        With an `etag` in `changes` the budget must still be that one.
        """
        request = v1.UpdateBudgetRequest(
            name=name, budget=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).budget)

    async def delete(self, name: str) -> None:
        """Remove a budget: what it bounded is bounded no more."""
        await self._transport.unary(_DELETE, v1.DeleteBudgetRequest(name=name))
