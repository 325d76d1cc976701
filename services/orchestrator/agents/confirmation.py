"""How an agent asks before it changes something, and how the answer is found again.

What is asked about is stored before the response that asks has ended, and what the user said of it
before anything is done; so after a crash whoever makes the answer goes on with the same decision.
The session shows what waits. A question counts only where its response came to its end: one that
was cancelled, or made anew, asks nothing. And only what was sent after that end answers it: a yes
that was queued meanwhile is to something else, for nobody had seen the question.
"""

from collections.abc import Sequence

from services.mesh.errors import suppress_not_found
from services.mesh.store import Store, now
from services.orchestrator.agents.action import (
    ACTIONS,
    ActionRecord,
    CallRecord,
    action_name,
    decide,
    note_result,
)
from services.orchestrator.agents.verdict import verdict_of
from services.orchestrator.chat.session import (
    SESSIONS,
    AwaitedCall,
    AwaitedRecord,
    await_word,
    session_stands,
)
from services.orchestrator.responses.response import RESPONSES, ResponseRecord


class Confirmation:
    """What waits for users."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(
        self, response: ResponseRecord, action: ActionRecord, summaries: Sequence[AwaitedCall]
    ) -> None:
        """Have a session wait for its user's word. NOT_FOUND where it is gone."""
        await self._forget_own(response)  # of an attempt that did not know that it was over
        guard = session_stands(response.session)
        await self._store.insert(ACTIONS, action, guard=guard)
        awaited = AwaitedRecord(
            response=response.name, calls=list(summaries), create_time=action.create_time
        )
        await self._show(response.session, awaited)

    async def decided(self, response: ResponseRecord) -> ActionRecord | None:
        """Return what a response's message decides, with the decision; None where that is nothing.

        Called again, as by another attempt, it returns the same; the session waits no more.
        """
        await self._forget_own(response)
        action = await self._decision(response)
        # Whether this attempt decided or one before, that may have been cut off just here.
        await self._show(response.session, None)
        return action

    async def note_result(self, action: ActionRecord, number: int, result: str) -> ActionRecord:
        """Note what a call came to."""
        return await self._store.update(
            ACTIONS, action.name, lambda current: note_result(current, number, result)
        )

    async def _decision(self, response: ResponseRecord) -> ActionRecord | None:
        page = await self._store.page(ACTIONS, parent=response.session, page_size=2)
        for action in page.records:
            if action.decided_by == response.name:
                return action if action.state != "WITHDRAWN" else None
            if action.state == "PENDING":
                return await self._decide(action, response)
        return None

    async def _decide(self, action: ActionRecord, response: ResponseRecord) -> ActionRecord | None:
        was_asked = await self._was_asked(action, response)
        verdict = verdict_of(response.prompt) if was_asked else "WITHDRAWN"
        action = await self._store.update(
            ACTIONS, action.name, lambda current: decide(current, verdict, response.name)
        )
        return action if verdict != "WITHDRAWN" else None

    async def _was_asked(self, action: ActionRecord, response: ResponseRecord) -> bool:
        """Tell whether a question stood there, whole, when a response's message was sent."""
        asking = await self._store.find(RESPONSES, action.response)
        if asking is not None:
            end_time = asking.end_time if asking.state == "COMPLETED" else None
            return end_time is not None and response.create_time > end_time
        # It expired. Where it had not come to its end, its session was told to wait no more.
        session = await self._store.get(SESSIONS, response.session)
        shown = session.awaited.response if session.awaited else ""
        return shown == action.response and response.create_time > action.create_time

    async def _forget_own(self, response: ResponseRecord) -> None:
        """Forget what an earlier attempt at the same response asked: it is made anew."""
        name = action_name(response.name)
        if await self._store.find(ACTIONS, name) is not None:
            with suppress_not_found():
                await self._store.delete(ACTIONS, name)

    async def _show(self, session: str, awaited: AwaitedRecord | None) -> None:
        with suppress_not_found():
            await self._store.update(SESSIONS, session, lambda record: await_word(record, awaited))


def new_action(
    response: ResponseRecord, calls: Sequence[CallRecord], agent: str, groups: Sequence[str]
) -> ActionRecord:
    """Return what a response asks about."""
    time = now()
    return ActionRecord(
        name=action_name(response.name),
        create_time=time,
        update_time=time,
        calls=list(calls),
        agent=agent,
        model=response.model,
        groups=list(groups),
    )
