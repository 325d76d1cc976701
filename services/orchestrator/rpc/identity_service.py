"""IdentityService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import identity_service_pb2 as pb
from adjutant.orchestrator.v1 import identity_service_pb2_grpc
from services.mesh.access.caller import current_call
from services.mesh.errors import AdjutantError
from services.orchestrator import convert
from services.orchestrator.tenancy.identity import Identities


class IdentityService(identity_service_pb2_grpc.IdentityServiceServicer):
    """See the contract."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    async def GetIdentity(self, request: pb.GetIdentityRequest, _: Any) -> pb.GetIdentityResponse:
        """See the contract."""
        call = current_call()
        if call is None:
            raise AdjutantError("UNAUTHENTICATED", "The call carries no identity; send a token.")
        principal = call.principal
        grants = await self._identities.grants(principal)
        return pb.GetIdentityResponse(
            principal=principal.name,
            credential=principal.credential,
            expire_time=convert.time(principal.expire_time),
            administrator=principal.administrator,
            grants=[pb.Grant(resource=g.resource, role=f"ROLE_{g.role}") for g in grants],
        )
