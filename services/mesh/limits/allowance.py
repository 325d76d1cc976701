"""What the door asks: may this call come in, as far as limits go."""

from typing import TYPE_CHECKING

from services.mesh.access.caller import Call
from services.mesh.audit.recorder import host_of
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog
from services.mesh.identity import Principal
from services.mesh.limits.limits import Limits, client_of
from services.mesh.limits.shared import SharedBuckets
from services.mesh.limits.streams import Opened, Streams

if TYPE_CHECKING:
    from services.mesh.access.contract import Method


class Allowance:
    """The limits of one server. `run` it in the background, `leave` at the end."""

    def __init__(self, settings: MeshSettings, event_log: EventLog) -> None:
        self.limits = Limits(settings, SharedBuckets(event_log))
        """Calls by the minute."""
        self.streams = Streams(event_log, settings)
        """Streams at once."""
        self._opened: dict[int, Opened] = {}
        self.run = self.streams.run
        self.leave = self.streams.leave

    async def count(self, principal: Principal, method: "Method") -> None:
        """Count a call for its caller, whether it may do this or not. RATE_LIMITED."""
        bucket = self.limits.of_caller(principal)
        if bucket and not bucket.spend(method.cost):
            await self.limits.spend(bucket, method.cost)

    async def admit(self, call: Call, method: "Method") -> None:
        """Count a call that may come in for its client. RATE_LIMITED, TOO_MANY_STREAMS.

        It was authorised: nobody uses up what is another client's.
        """
        client = client_of(call.resource)
        bucket = self.limits.of_client(call.principal, client)
        if bucket and not bucket.spend(method.cost):
            await self.limits.spend(bucket, method.cost)
        if method.streams:
            self._opened[id(call)] = self.streams.open(call.principal, client)

    def dismiss(self, call: Call) -> None:
        """Note that a call is over."""
        if opened := self._opened.pop(id(call), None):
            self.streams.close(opened)

    def check_stranger(self, peer: str) -> None:
        """Refuse whoever failed too often to say who they are, before they try. RATE_LIMITED."""
        self.limits.check_stranger(host_of(peer))

    def failed(self, peer: str) -> None:
        """Count a call that came with a wrong credential."""
        self.limits.failed(host_of(peer))
