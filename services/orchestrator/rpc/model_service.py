"""ModelService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import model_service_pb2 as pb
from adjutant.orchestrator.v1 import model_service_pb2_grpc
from services.orchestrator.models.listing import Listing


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """See the contract."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing

    async def ListModels(self, request: pb.ListModelsRequest, _: Any) -> pb.ListModelsResponse:
        """See the contract."""
        models, token = self._listing.page(request)
        return pb.ListModelsResponse(models=models, next_page_token=token)

    async def GetModelChoice(
        self, request: pb.GetModelChoiceRequest, _: Any
    ) -> pb.GetModelChoiceResponse:
        """See the contract."""
        model, explanation = self._listing.choice(request)
        return pb.GetModelChoiceResponse(model=model, explanation=explanation)
