"""Who is let in, put together: everything that a server knows its callers by."""

from services.mesh.access.authorizer import Authorizer
from services.mesh.access.replica import Replica
from services.mesh.audit import Recorder
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog
from services.mesh.identity.authenticator import Authenticator
from services.mesh.interceptors.chain import Around, Chain
from services.mesh.interceptors.cutting import Cutting
from services.mesh.interceptors.deadline import Deadline
from services.mesh.interceptors.delivery import Delivery
from services.mesh.interceptors.door import AccessDoor
from services.mesh.interceptors.errors import Errors
from services.mesh.interceptors.telemetry import Telemetry
from services.mesh.limits import Allowance
from services.mesh.store import Store


class Admission:
    """The parts of one server's door, and their life."""

    def __init__(self, settings: MeshSettings, event_log: EventLog, store: Store) -> None:
        self.replica = Replica(event_log, settings.access_max_stale_s)
        """What is known of who may do what."""
        self.authorizer = Authorizer(self.replica)
        """Decides by it."""
        self.recorder = Recorder(store, settings.service, window_s=settings.audit_window_s)
        """Writes the audit log."""
        self.cutting = Cutting(self.authorizer, settings.stream_max_age_s)
        """Ends streams that may not go on."""
        self.allowance = Allowance(settings, event_log)
        """Counts calls and open streams."""
        self._authenticator = Authenticator(settings, self.replica.find_key, self.replica.key)
        self._settings = settings

    async def open(self, chain: Chain) -> None:
        """Let calls in through the chain. OSError, ValueError where a secret is unusable."""
        await self._authenticator.start()
        self.replica.on_change(self.cutting.look_soon)
        door = AccessDoor(
            self._authenticator,
            self.authorizer,
            self.recorder,
            self.cutting,
            self.allowance,
            self._settings,
        )
        # Errors stand inside telemetry, which would record an exception as success.
        outer: list[Around] = [Telemetry(), Errors()]
        limit_s = self._settings.unary_timeout_s
        answers = [*outer, Deadline(limit_s), Delivery(limit_s)]
        chain.open(answers, [*outer, self.cutting], door)

    async def close(self) -> None:
        """Write what the audit log is still owed."""
        await self.allowance.leave()
        await self._authenticator.close()
        await self.recorder.close()
