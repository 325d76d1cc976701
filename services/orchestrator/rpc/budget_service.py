"""BudgetService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import budget_service_pb2 as pb
from adjutant.orchestrator.v1 import budget_service_pb2_grpc
from services.orchestrator.usage.budget import to_message
from services.orchestrator.usage.budgets import Budgets


class BudgetService(budget_service_pb2_grpc.BudgetServiceServicer):
    """See the contract."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets

    async def CreateBudget(
        self, request: pb.CreateBudgetRequest, _: Any
    ) -> pb.CreateBudgetResponse:
        """See the contract."""
        record = await self._budgets.create(request)
        return pb.CreateBudgetResponse(budget=to_message(record))

    async def GetBudget(self, request: pb.GetBudgetRequest, _: Any) -> pb.GetBudgetResponse:
        """See the contract."""
        record = await self._budgets.get(request.name)
        return pb.GetBudgetResponse(budget=to_message(record))

    async def ListBudgets(self, request: pb.ListBudgetsRequest, _: Any) -> pb.ListBudgetsResponse:
        """See the contract."""
        page = await self._budgets.page(request)
        return pb.ListBudgetsResponse(
            budgets=[to_message(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateBudget(
        self, request: pb.UpdateBudgetRequest, _: Any
    ) -> pb.UpdateBudgetResponse:
        """See the contract."""
        record = await self._budgets.update(request)
        return pb.UpdateBudgetResponse(budget=to_message(record))

    async def DeleteBudget(
        self, request: pb.DeleteBudgetRequest, _: Any
    ) -> pb.DeleteBudgetResponse:
        """See the contract."""
        await self._budgets.delete(request.name)
        return pb.DeleteBudgetResponse()
