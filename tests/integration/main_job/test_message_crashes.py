"""A crash between the writes of a message: whoever comes next goes on, and nothing is doubled."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from adjutant.orchestrator.v1 import task_message_service_pb2 as pb
from services.mesh.due import Due
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.names import new_id
from services.mesh.store import Store, now
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.messages import messages as module
from services.orchestrator.messages.decided import as_decided
from services.orchestrator.messages.handover import discard, hand_over
from services.orchestrator.messages.message import MESSAGES, MessageRecord
from services.orchestrator.messages.messages import Messages
from services.orchestrator.plans.planner import ChecklistPlanner, Planned
from services.orchestrator.queues import rank
from services.orchestrator.tasks.task import TASKS, TaskRecord, move_task
from tests.support.stores import Open

PARENT = "clients/acme/projects/web"
COLLECTIONS = (TASKS, MESSAGES, APPROVALS)


class CrashError(Exception):
    """Stands for the end of the process between two writes."""


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica(COLLECTIONS)


def _messages(store: Store, wake: Callable[[str], None] = lambda _: None) -> Messages:
    return Messages(store, ChecklistPlanner(), Dismissal(store), wake)


async def _task(store: Store, state: str = "ORCHESTRATING") -> TaskRecord:
    time = now()
    task = TaskRecord(
        name=f"{PARENT}/tasks/{new_id()}",
        title="t",
        instructions="- [ ] one\n  run: true\n",
        state=state,
        create_time=time,
        update_time=time,
        news_time=time,
        rank=rank.at(time),
    )
    return (await store.insert(TASKS, task)).record


def _request(task: TaskRecord, text: str = "hello") -> pb.SendTaskMessageRequest:
    return pb.SendTaskMessageRequest(parent=task.name, text=text, request_id="r")


async def _stored(store: Store, task: TaskRecord) -> list[MessageRecord]:
    return [m async for m in store.scan(MESSAGES, {}) if m.name.startswith(f"{task.name}/")]


async def _send_and_crash(store: Store, task: TaskRecord, text: str = "hello") -> None:
    """Store a message's own record, and nothing more."""
    broken = _messages(store)

    async def crash(message: MessageRecord) -> tuple[MessageRecord, TaskRecord]:
        raise CrashError

    broken._accept = crash  # type: ignore[method-assign]
    with pytest.raises(CrashError):
        await broken.send(_request(task, text))


async def test_a_repeated_request_goes_on_where_the_first_was_cut_off(store: Store) -> None:
    task = await _task(store)
    await _send_and_crash(store, task)
    woken: list[str] = []
    messages = _messages(store, woken.append)
    first, _ = await messages.send(_request(task))
    again, current = await messages.send(_request(task))
    assert first.name == again.name
    assert [letter.number for letter in current.inbox.pending] == [1]
    assert set(woken) == {task.name}
    assert len(await _stored(store, task)) == 1


async def test_what_nobody_repeats_is_taken_in_by_the_check(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_AGE", timedelta(0))
    task, over = await _task(store), await _task(store)
    await _send_and_crash(store, task)
    await _send_and_crash(store, over)
    await store.update(TASKS, over.name, lambda current: move_task(current, "COMPLETED"))
    messages = _messages(store)
    checking = asyncio.create_task(Due(store, MESSAGES, "check_time", messages.check).run())
    async with asyncio.timeout(20):
        while await store.next_due(MESSAGES, "check_time"):
            await asyncio.sleep(0.02)
    checking.cancel()
    assert len((await store.get(TASKS, task.name)).inbox.pending) == 1
    assert [m.state for m in await _stored(store, over)] == ["REFUSED"]
    listed, _ = await messages.page(pb.ListTaskMessagesRequest(parent=over.name))
    assert listed.records == [], "its sender never had an answer, and the task never had it"
    with pytest.raises(AdjutantError, match="submit a new task"):
        await messages.send(_request(over))


class Away(ChecklistPlanner):
    """A planner whose store is away at first."""

    def __init__(self) -> None:
        self.away = True

    async def plan(self, project: str, instructions: str, title: str) -> Planned:
        if self.away:
            raise StoreUnavailableError
        return await super().plan(project, instructions, title)


async def test_a_check_that_finds_the_store_away_is_made_again(store: Store) -> None:
    task = await _task(store)
    await _send_and_crash(store, task)
    planner = Away()
    messages = Messages(store, planner, Dismissal(store), lambda _: None)
    (message,) = await _stored(store, task)
    with pytest.raises(StoreUnavailableError):
        await messages.check(message)
    (message,) = await _stored(store, task)
    assert (message.state, message.check_time is None) == ("PENDING", False)
    planner.away = False
    await messages.check(message)
    assert len((await store.get(TASKS, task.name)).inbox.pending) == 1


async def test_what_was_handed_over_and_not_settled_is_settled_once(store: Store) -> None:
    task = await _task(store)
    messages = _messages(store)
    sent, _ = await messages.send(_request(task))
    handed = await store.update(TASKS, task.name, lambda current: hand_over(current, {}))
    # The crash is here: the task's record has it, the message's own does not.
    (stored,) = await _stored(store, task)
    assert (stored.state, as_decided(stored, handed).state) == ("PENDING", "DELIVERED")
    again, current = await messages.send(_request(task))
    assert as_decided(again, current).state == "DELIVERED"
    assert current.inbox.pending == [], "a repeat does not hand it over once more"
    await messages.settle(handed)
    (stored,) = await _stored(store, task)
    assert (stored.state, stored.number, stored.check_time) == ("DELIVERED", 1, None)
    settled = await store.get(TASKS, task.name)
    assert settled.inbox.unsettled == []
    done = await store.update(TASKS, task.name, lambda current: move_task(current, "COMPLETED"))
    after, current = await messages.send(_request(task))
    assert (after.name, after.state) == (sent.name, "DELIVERED"), "also when the task is over"
    assert current.inbox == done.inbox


async def test_a_refused_request_may_be_tried_again_when_the_task_is_open(store: Store) -> None:
    task = await _task(store, "QUEUED")
    await _send_and_crash(store, task, "hello")
    for state in ("CANCELLING", "CANCELLED"):
        await store.update(TASKS, task.name, lambda current, s=state: move_task(current, s))  # type: ignore[misc]
    messages = _messages(store)
    with pytest.raises(AdjutantError, match="CANCELLED"):
        await messages.send(_request(task))
    await store.update(TASKS, task.name, lambda current: move_task(current, "QUEUED"))
    again, current = await messages.send(_request(task))
    assert as_decided(again, current).state == "PENDING"
    listed, _ = await messages.page(pb.ListTaskMessagesRequest(parent=task.name))
    assert [message.state for message in listed.records] == ["PENDING"], "it waits in sight"
    handed = await store.update(TASKS, task.name, lambda current: hand_over(current, {}))
    await messages.settle(handed)
    assert [m.state for m in await _stored(store, task)] == ["DELIVERED"]


async def test_what_is_discarded_is_settled_too(store: Store) -> None:
    task = await _task(store)
    messages = _messages(store)
    await messages.send(_request(task))
    await messages.settle(await store.update(TASKS, task.name, discard))
    assert [m.state for m in await _stored(store, task)] == ["DISCARDED"]


async def test_two_senders_of_steps_at_once_both_find_their_numbers(open_replica: Open) -> None:
    stores = [await open_replica(COLLECTIONS) for _ in range(2)]
    task = await _task(stores[0])
    senders = [_messages(store) for store in stores]
    text = "- [ ] more {0}\n  run: true\n- [ ] and {0}\n  after: more {0}\n  run: true\n"
    await asyncio.gather(
        *(
            senders[number % 2].send(
                pb.SendTaskMessageRequest(parent=task.name, text=text.format(number))
            )
            for number in range(20)
        )
    )
    pending = (await stores[1].get(TASKS, task.name)).inbox.pending
    numbers = [step.number for letter in pending for step in letter.adds]
    assert numbers == list(range(2, 42))
    texts, plan = await senders[0].read(task.name)
    handed = await stores[0].update(TASKS, task.name, lambda t: hand_over(t, texts, plan))
    assert [step.number for step in handed.steps] == list(range(1, 42))
    assert handed.steps[2].after == [2]
