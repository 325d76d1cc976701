"""Who answers a message: the agent that it names, or whatever the message needs.

Where an agent is named it answers by its own instructions, with its own tools. Where none is, a
cheap model says which capabilities the message needs, and an agent answers with the tools of
those. Either way, tools are offered and called with the rights of whoever sent the message.
"""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence

from services.mesh.names import parent_of
from services.mesh.store import Store
from services.orchestrator.agents.agent import NOBODY, Agent, Agents
from services.orchestrator.agents.confirmation import Confirmation
from services.orchestrator.agents.intent import IntentParser
from services.orchestrator.agents.loop import Loop, Turn
from services.orchestrator.agents.prompt import conversation
from services.orchestrator.agents.tool import Registry, Tool
from services.orchestrator.agents.toolbox import Toolbox
from services.orchestrator.chat.context import Context, Contexts
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.models.port import CallScope, Finished, Recorder, TextDelta, Usage
from services.orchestrator.responses.response import ResponseRecord

Offered = Mapping[str, Sequence[Tool]]


class Modes:
    """A Responder that finds who answers."""

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        agents: Agents,
        registry: Registry,
        recorder: Recorder,
        confirmation: Confirmation,
        intents: IntentParser,
        loop: Loop,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._agents = agents
        self._registry = registry
        self._recorder = recorder
        self._confirmation = confirmation
        self._intents = intents
        self._loop = loop

    async def answer(self, response: ResponseRecord) -> AsyncGenerator[TextDelta | Finished, None]:
        """Yield an answer; see Responder. UNKNOWN_AGENT, and what models raise."""
        question = await self._store.get(CHAT_MESSAGES, response.question)
        action = await self._confirmation.decided(response)
        agent = action.agent if action else response.agent
        who = self._agents.named(agent) if agent else NOBODY
        context = await self._contexts.of(question)
        allowed = await self._registry.allowed(response.authority, parent_of(response.session))
        scope = _scope(response, agent)
        usage = Usage()
        if action:
            groups: Sequence[str] = action.groups
        elif agent or not allowed:
            groups = who.groups
        else:
            groups, usage = await self._intents.parse(scope, context, list(allowed))
        turn = self._turn(response, scope, who, groups, allowed, context)
        turn.agent, turn.usage = agent, usage
        turn.model = response.model or (action.model if action else "") or who.model
        deltas = self._loop.resume(turn, action) if action else self._loop.run(turn)
        async with contextlib.aclosing(deltas) as stream:
            async for delta in stream:
                yield delta

    def _turn(
        self,
        response: ResponseRecord,
        scope: CallScope,
        who: Agent,
        groups: Sequence[str],
        allowed: Offered,
        context: Context,
    ) -> Turn:
        tools = [tool for group in groups for tool in allowed.get(group, ())]
        acting = self._registry.acting
        return Turn(
            response=response,
            scope=scope,
            toolbox=Toolbox(acting, self._recorder, scope, response, tools),
            messages=conversation(who.instructions, context),
            groups=groups,
        )


def _scope(response: ResponseRecord, agent: str) -> CallScope:
    return CallScope(
        project=parent_of(response.session),
        principal=response.user,
        agent=agent,
        session=response.session,
        response=response.name,
        message=response.question,
    )
