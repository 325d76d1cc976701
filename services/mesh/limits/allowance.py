"""What the door asks: may this call come in, as far as limits go."""

from services.mesh.access.caller import Call
from services.mesh.audit.recorder import host_of
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog
from services.mesh.identity import Principal
from services.mesh.limits.limits import Limits, client_of
from services.mesh.limits.local import LocalBucket
from services.mesh.limits.shared import SharedBuckets
from services.mesh.limits.streams import Opened, Streams


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

    def lacking(self, principal: Principal, cost: int) -> LocalBucket | None:
        """Count a call for its caller, whether it may do this or not.

        Return what has not enough here for it to be counted; `self.limits.spend` waits for that.
        """
        bucket = self.limits.of_caller(principal)
        return None if bucket is None or bucket.spend(cost) else bucket

    def lacking_of_client(self, call: Call, cost: int) -> LocalBucket | None:
        """Count a call for its client, likewise.

        It was authorised before: nobody uses up what is another client's.
        """
        bucket = self.limits.of_client(call.principal, client_of(call.resource))
        return None if bucket is None or bucket.spend(cost) else bucket

    def open_stream(self, call: Call) -> None:
        """Count a stream until the call is dismissed. TOO_MANY_STREAMS."""
        self._opened[id(call)] = self.streams.open(call.principal, client_of(call.resource))

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
