"""Who one is to a mesh."""

from __future__ import annotations

from typing import Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.transport import Method, Transport

_GET: Final = Method(
    "orchestrator",
    "/adjutant.orchestrator.v1.IdentityService/GetIdentity",
    v1.GetIdentityRequest,
    v1.GetIdentityResponse,
)


class Identity:
    """The caller; `Adjutant.identity`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self) -> v1.GetIdentityResponse:
        """Return who the caller is, and the roles that they have."""
        return await self._transport.unary(_GET, v1.GetIdentityRequest())
