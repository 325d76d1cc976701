"""What callers do with messages to tasks, and how their records follow what tasks decide.

A message is stored in two writes: its own record with the text, then its reference in the task's
record, which is what counts. Between the two its sender has no answer yet; whoever repeats the
request goes on there, and where nobody does the check does (`check_time`). What became of a
message is decided in the task's record too; its own record is settled right after, and again
by the next pass or the check where a crash came between.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from adjutant.orchestrator.v1 import task_message_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.errors import AdjutantError, not_found
from services.mesh.names import child, new_id, parent_of
from services.mesh.store import Look, Page, Store, now
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.messages.additions import KnownStep, known_step, parse_additions
from services.orchestrator.messages.decided import id_of, settle
from services.orchestrator.messages.handover import (
    accept,
    known_steps,
    message_name,
    require_open,
)
from services.orchestrator.messages.message import MESSAGE_STATES, MESSAGES, MessageRecord
from services.orchestrator.plans.plan import Plan
from services.orchestrator.plans.planner import Planner
from services.orchestrator.requests import request_key
from services.orchestrator.tasks.plan import plan_of
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord

CHECK_AGE: Final = timedelta(seconds=5)
TRIES: Final = 50
REFUSALS: Final = (
    "ILLEGAL_TRANSITION",
    "TOO_MANY_MESSAGES",
    "INVALID_PLAN",
    "PLAN_CYCLE",
    "CONCURRENT_CHANGE",
)
"""Why a task takes no message; anything else says nothing of the message and passes."""
_STALE: Final = "more was added to the plan; what is asked then includes it"


class _SettledError(Exception):
    """The message was handed over, or discarded, before."""


class _RefusedError(Exception):
    """The message was refused meanwhile, to another call of the same request."""


class _PlanChangedError(Exception):
    """Steps were added meanwhile; the message is read against the plan as it is now."""


class Messages:
    """Stores messages, lists them, and settles what became of them."""

    def __init__(
        self, store: Store, planner: Planner, dismissal: Dismissal, wake: Callable[[str], None]
    ) -> None:
        self._store = store
        self._planner = planner
        self._dismissal = dismissal
        self._wake = wake

    async def send(self, request: pb.SendTaskMessageRequest) -> tuple[MessageRecord, TaskRecord]:
        """Accept a message, and wake its task; returns both.

        NOT_FOUND, ILLEGAL_TRANSITION, TOO_MANY_MESSAGES, INVALID_PLAN, PLAN_CYCLE,
        REQUEST_ID_REUSED.
        """
        time = now()
        record = MessageRecord(
            name=child(request.parent, "messages", new_id()),
            create_time=time,
            update_time=time,
            text=request.text,
            sender=actor(),
            check_time=time + CHECK_AGE,
        )
        inserted = await self._store.insert(
            MESSAGES,
            record,
            request=request_key(request.parent, request),
            guard=lambda look: _check_task(look, request.parent),
        )
        return await self._take_in(inserted.record)

    async def page(
        self, request: pb.ListTaskMessagesRequest
    ) -> tuple[Page[MessageRecord], TaskRecord]:
        """Return a page of a task's messages, and the task. NOT_FOUND, INVALID_FILTER."""
        # The task first: what it has forgotten by then is settled in the records that follow.
        task = await self._store.get(TASKS, request.parent)
        shown = 'state != "REFUSED"'
        page = await self._store.page(
            MESSAGES,
            parent=request.parent,
            filter_text=f"{shown} AND {request.filter}" if request.filter.strip() else shown,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return page, task

    async def read(self, name: str) -> tuple[dict[str, str], Plan | None]:
        """Return the texts that a task needs to be handed its messages, by message id.

        With them its plan, where it has adopted none yet.
        """
        task = await self._store.get(TASKS, name)
        found = {}
        for letter in task.inbox.pending:
            if letter.adds:
                record = await self._store.get(MESSAGES, message_name(task, letter.message_id))
                found[letter.message_id] = record.text
        return found, await self._plan(task) if found else None

    async def settle(self, task: TaskRecord, fence: int | None = None) -> TaskRecord:
        """Bring the messages' records up to what their task decided.

        With the fence of the task's lease, where it is held. STALE_FENCE.
        """
        settled = task.inbox.unsettled
        if not settled:
            return task
        for settlement in settled:
            # No task asks these any more, whoever has it by now.
            await self._dismissal.of_names(settlement.stale, _STALE)
            name = message_name(task, settlement.message_id)
            await self._store.update(MESSAGES, name, lambda m, s=settlement: settle(m, s))  # type: ignore[misc]
        numbers = {settlement.number for settlement in settled}

        def forget(current: TaskRecord) -> Events:
            left = [item for item in current.inbox.unsettled if item.number not in numbers]
            current.inbox.unsettled = left
            return []

        return await self._store.update(TASKS, task.name, forget, fence=fence)

    async def check(self, message: MessageRecord) -> None:
        """See that a message's task knows of it, and do what whoever sent it began."""
        task = await self._store.find(TASKS, parent_of(message.name))
        if task is None:
            return await self._store.delete(MESSAGES, message.name)
        message_id = id_of(message)
        if any(item.message_id == message_id for item in task.inbox.unsettled):
            await self.settle(task)
        elif message.state == "PENDING" and not task.inbox.knows(message_id):
            try:
                await self._take_in(message)
            except AdjutantError as error:
                if error.reason not in REFUSALS:  # nobody waits to be told of a refusal
                    raise
        await self._store.update(MESSAGES, message.name, _checked)
        return None

    async def _take_in(self, message: MessageRecord) -> tuple[MessageRecord, TaskRecord]:
        """Have the task know of a stored message; a repeat changes nothing."""
        refusal: AdjutantError | None = None
        try:
            message, task = await self._accept(message)
        except AdjutantError as error:
            if error.reason not in REFUSALS:
                raise
            refusal = error
        else:
            self._wake(task.name)
            return message, task
        task = await self._store.get(TASKS, parent_of(message.name))
        message = await self._refuse(message)
        if MESSAGE_STATES.is_final(message.state) or task.inbox.knows(id_of(message)):
            return message, task  # the same request was accepted before
        raise refusal

    async def _accept(self, message: MessageRecord) -> tuple[MessageRecord, TaskRecord]:
        for _ in range(TRIES):
            if message.state == "REFUSED":
                # In the list again before the task has it, and so never left out of it.
                message = await self._store.update(MESSAGES, message.name, _try_again)
            task = await self._store.get(TASKS, parent_of(message.name))
            if MESSAGE_STATES.is_final(message.state) or task.inbox.knows(id_of(message)):
                return message, task
            known = known_steps(task, await self._plan(task))
            try:
                return message, await self._put_in(task, message, _adds(message.text, known))
            except _PlanChangedError:
                continue
            except _RefusedError:
                message = await self._store.get(MESSAGES, message.name)
            except _SettledError:
                return message, task
        busy = "The plan is being added to by others all the time; send the message again."
        raise AdjutantError("CONCURRENT_CHANGE", busy, retry_after_s=0.1)

    async def _plan(self, task: TaskRecord) -> Plan | None:
        """Return a task's plan where it has adopted none yet."""
        return None if task.steps else await plan_of(self._planner, task)

    async def _put_in(
        self, task: TaskRecord, message: MessageRecord, adds: list[KnownStep]
    ) -> TaskRecord:
        def change(current: TaskRecord) -> Events | None:
            if current.inbox.knows(id_of(message)):
                return None
            require_open(current)
            if adds and _shape(current) != _shape(task):
                raise _PlanChangedError
            return accept(current, message, adds)

        def guard(look: Look) -> None:
            found = look.find(MESSAGES, message.name)
            if found is None or MESSAGE_STATES.is_final(found.state):
                raise _SettledError
            if found.state == "REFUSED":
                raise _RefusedError

        return await self._store.update(TASKS, task.name, change, guard=guard)

    async def _refuse(self, message: MessageRecord) -> MessageRecord:
        """Take a message out of sight, unless the same request was accepted meanwhile."""

        def change(current: MessageRecord) -> Events | None:
            if current.state != "PENDING":
                return None
            current.state, current.check_time = "REFUSED", None
            return []

        def guard(look: Look) -> None:
            task = look.find(TASKS, parent_of(message.name))
            if task and task.inbox.knows(id_of(message)):
                raise _SettledError

        try:
            return await self._store.update(MESSAGES, message.name, change, guard=guard)
        except _SettledError:
            return await self._store.get(MESSAGES, message.name)


def _try_again(message: MessageRecord) -> Events | None:
    """Let a message wait again that was refused before."""
    if message.state != "REFUSED":
        return None
    MESSAGE_STATES.check(message.state, "PENDING")
    message.state, message.check_time = "PENDING", now() + CHECK_AGE
    return []


def _checked(message: MessageRecord) -> Events | None:
    if message.check_time is None:
        return None
    message.check_time = None
    return []


def _adds(text: str, known: list[KnownStep]) -> list[KnownStep]:
    plan = parse_additions(text, known)
    return [known_step(step) for step in (plan.steps if plan else ())]


def _shape(task: TaskRecord) -> tuple[int, int]:
    """Return what is another one when steps came to a task's plan."""
    return len(task.steps), sum(len(letter.adds) for letter in task.inbox.pending)


def _check_task(look: Look, name: str) -> None:
    """Refuse a message to no task, or to one that takes none."""
    task = look.find(TASKS, name)
    if task is None:
        raise not_found("task", name)
    require_open(task)
