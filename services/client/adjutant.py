"""The client of a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from services.client.approvals import Approvals
from services.client.audit import Audit
from services.client.clients import Clients
from services.client.connections import Connections
from services.client.discovery import find_mesh
from services.client.groups import Groups
from services.client.identity import find_identity
from services.client.keys import ApiKeys
from services.client.members import Members
from services.client.messages import TaskMessages
from services.client.models import Models
from services.client.names import project_name
from services.client.projects import Projects
from services.client.queues import Queues
from services.client.responses import Responses
from services.client.runs import Runs
from services.client.schedules import Schedules
from services.client.sessions import Sessions
from services.client.streams import ReconnectPolicy
from services.client.subscriptions import Subscriptions
from services.client.tasks import Tasks
from services.client.traces import Traces
from services.client.transport import Transport
from services.client.usage import Budgets, Usage
from services.client.whoami import Identity

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


class Adjutant:
    r"""A connection to a mesh, within one project of one client.

    ```python
    async with Adjutant() as adjutant:
        task = await adjutant.tasks.submit("- [ ] greet\n  run: echo hello")
        async for frame in adjutant.tasks.watch(task.name):
            print(frame.event)
    ```

    Addresses: see `services.client.discovery.find_mesh`; who calls: `find_identity` of
    `services.client.identity`. Nothing is connected before the first
    call. Use it within one event loop.
    """

    def __init__(
        self,
        *addresses: str,
        client: str = "default",
        project: str = "default",
        token: str = "",
        platform: str = "other",
        timeout_s: float = 15.0,
        reconnect: ReconnectPolicy | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        """Take what is needed to connect.

        `timeout_s` bounds each call that answers once, its retries included.
        `token` is who calls; without it the one of the environment, or of the mesh's owner on
        this machine. `platform` is what sort of program calls.
        Raises ConfigurationError and UnreachableError as `find_mesh` and `find_identity` do.
        """
        mesh = find_mesh(addresses)
        policy = reconnect or ReconnectPolicy()
        self.parent: Final = project_name(client, project)
        """The project's name, `clients/{client}/projects/{project}`."""
        self._transport: Final = Transport(
            mesh.addresses,
            find_identity(mesh, token, platform),
            timeout_s=timeout_s,
            tracer_provider=tracer_provider,
        )
        self.tasks: Final = Tasks(self._transport, self.parent, policy)
        """Work that is handed in."""
        self.queues: Final = Queues(self._transport, self.parent, policy)
        """Who waits for a slot."""
        self.messages: Final = TaskMessages(self._transport)
        """What tasks are told."""
        self.approvals: Final = Approvals(self._transport, self.parent)
        """What waits for a person."""
        self.runs: Final = Runs(self._transport, self.parent, policy)
        """Agents at work."""
        self.connections: Final = Connections(self._transport, self.parent)
        """How projects reach what is outside."""
        self.schedules: Final = Schedules(self._transport, self.parent)
        """Work that is handed in again and again."""
        self.models: Final = Models(self._transport, self.parent)
        """Language models."""
        self.sessions: Final = Sessions(self._transport, self.parent)
        """One's conversations with agents."""
        self.traces: Final = Traces(self._transport, self.parent)
        """What models and tools were asked and answered."""
        self.responses: Final = Responses(self._transport, policy)
        """Answers to what is said in sessions."""
        """What models and tools were asked and answered."""
        """One's conversations with agents."""
        self.usage: Final = Usage(self._transport, self.parent, policy)
        """What calls of models cost."""
        self.budgets: Final = Budgets(self._transport, self.parent)
        """What they may cost."""
        """Answers to what is said in sessions."""
        """What models and tools were asked and answered."""
        """One's conversations with agents."""
        self.subscriptions: Final = Subscriptions(self._transport, self.parent, policy)
        """Everything that happens."""
        self.client: Final = self.parent.partition("/projects/")[0]
        """The client's name, `clients/{client}`."""
        self.clients: Final = Clients(self._transport)
        """Customers or teams."""
        self.groups: Final = Groups(self._transport, self.client)
        """Projects that share settings, connections and knowledge."""
        self.projects: Final = Projects(self._transport, self.client)
        """Where work happens."""
        self.members: Final = Members(self._transport, self.parent)
        """Who may do what."""
        self.keys: Final = ApiKeys(self._transport, self.parent)
        """Credentials of programs."""
        self.audit: Final = Audit(self._transport, self.parent)
        """Who did what, or tried to."""
        self.identity: Final = Identity(self._transport)
        """Who one is oneself."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; calls and streams under way end."""
        await self._transport.close()
