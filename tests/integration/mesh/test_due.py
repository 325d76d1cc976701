"""What is due is done, once its time has come, whoever wrote it down and whatever fails."""

import asyncio
from datetime import timedelta

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh import tasks
from services.mesh.due import Due
from services.mesh.store import Collection, Record, Store, UtcTime, now
from tests.support.stores import Open


class Reminder(Record):
    wake_time: UtcTime | None = None
    done: int = 0


REMINDERS = Collection("reminders", Reminder, hidden=("wake_time",))


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica([REMINDERS])


async def _write(store: Store, name: str, in_s: float | None) -> None:
    wake_time = None if in_s is None else now() + timedelta(seconds=in_s)
    record = Reminder(name=name, create_time=now(), update_time=now(), wake_time=wake_time)
    await store.insert(REMINDERS, record)


def _do(reminder: Reminder) -> list[event_pb2.Event]:
    reminder.done, reminder.wake_time = reminder.done + 1, None
    return []


async def test_the_longest_due_come_first_and_those_without_a_time_never(store: Store) -> None:
    for name, in_s in (("late", -5), ("later", -1), ("to come", 60), ("never", None)):
        await _write(store, name, in_s)
    due = await store.due(REMINDERS, "wake_time", now(), 10)
    assert [reminder.name for reminder in due] == ["late", "later"]
    late = await store.get(REMINDERS, "late")
    assert await store.next_due(REMINDERS, "wake_time") == late.wake_time


async def test_each_is_done_once_and_a_new_one_is_seen_at_once(store: Store) -> None:
    done: asyncio.Queue[str] = asyncio.Queue()

    async def handle(reminder: Reminder) -> None:
        await store.update(REMINDERS, reminder.name, _do)
        done.put_nowait(reminder.name)

    due = Due(store, REMINDERS, "wake_time", handle)
    running = asyncio.create_task(due.run())
    try:
        async with asyncio.timeout(4):  # sooner than it looks by itself
            await _write(store, "a", 0.2)
            due.look()
            assert await done.get() == "a"
        assert (await store.get(REMINDERS, "a")).done == 1
        assert await store.next_due(REMINDERS, "wake_time") is None
    finally:
        await tasks.end([running])


async def test_what_fails_is_tried_again_and_holds_up_nothing(store: Store) -> None:
    done: asyncio.Queue[str] = asyncio.Queue()
    failures = iter([True, False])

    async def handle(reminder: Reminder) -> None:
        if reminder.name == "bad" and next(failures):
            raise RuntimeError("once")
        await store.update(REMINDERS, reminder.name, _do)
        done.put_nowait(reminder.name)

    await _write(store, "bad", -2)
    await _write(store, "good", -1)
    running = asyncio.create_task(Due(store, REMINDERS, "wake_time", handle).run())
    try:
        async with asyncio.timeout(20):
            assert [await done.get(), await done.get()] == ["good", "bad"]
    finally:
        await tasks.end([running])
