"""How an agent asks before it changes something, and how the answer is found again.

What is asked about is stored before the response that asks has ended, and what the user said of it
before anything is done; so after a crash whoever makes the answer goes on with the same decision.
The session shows what waits. A question counts only where its response came to its end: one that
was cancelled, or made anew, asks nothing.
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
    Events,
    SessionRecord,
    announce_change,
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

        Called again, as by another attempt, it returns the same.
        """
        await self._forget_own(response)
        page = await self._store.page(ACTIONS, parent=response.session, page_size=2)
        for action in page.records:
            if action.decided_by == response.name:
                return action if action.state != "WITHDRAWN" else None
            if action.state == "PENDING":
                return await self._decide(action, response)
        return None

    async def note_result(self, action: ActionRecord, number: int, result: str) -> ActionRecord:
        """Note what a call came to."""
        return await self._store.update(
            ACTIONS, action.name, lambda current: note_result(current, number, result)
        )

    async def _decide(self, action: ActionRecord, response: ResponseRecord) -> ActionRecord | None:
        verdict = verdict_of(response.prompt)
        asking = await self._store.find(RESPONSES, action.response)
        if asking is not None and asking.state != "COMPLETED":
            verdict = "WITHDRAWN"  # nobody was asked, or not to the end
        action = await self._store.update(
            ACTIONS, action.name, lambda current: decide(current, verdict, response.name)
        )
        await self._show(response.session, None)
        return action if verdict != "WITHDRAWN" else None

    async def _forget_own(self, response: ResponseRecord) -> None:
        """Forget what an earlier attempt at the same response asked: it is made anew."""
        name = action_name(response.name)
        if await self._store.find(ACTIONS, name) is None:
            return
        with suppress_not_found():
            await self._store.delete(ACTIONS, name)
        await self._show(response.session, None)

    async def _show(self, session: str, awaited: AwaitedRecord | None) -> None:
        def change(record: SessionRecord) -> Events | None:
            if record.awaited == awaited:
                return None
            record.awaited = awaited
            return announce_change(session, "UPDATED")

        with suppress_not_found():
            await self._store.update(SESSIONS, session, change)


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
