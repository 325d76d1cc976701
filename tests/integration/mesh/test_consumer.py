"""Durable consumers: every event is handled to the end, at least once."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from adjutant.common.v1.task_pb2 import TASK_STATE_QUEUED as QUEUED
from adjutant.event.v1 import event_pb2
from services.mesh.events import Consumer, EventLog
from services.mesh.events.consumer import subjects_of_kinds
from services.mesh.events.envelope import subject_of
from services.mesh.events.log import STREAM
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import (
    PROJECT,
    TASK,
    became,
    eventually,
    following,
    publish,
    running,
    said,
    take,
    text_of,
    words,
)

PROGRESS = event_pb2.EVENT_KIND_RUN_PROGRESS
TASK_STATE = event_pb2.EVENT_KIND_TASK_STATE_CHANGED


class Diary:
    """A handler that notes what it saw, and does with it what the test says."""

    def __init__(self, act: Callable[[event_pb2.Event], Awaitable[None]] | None = None) -> None:
        self.seen: list[str] = []
        self.done: list[str] = []
        self.times: list[float] = []
        self._act = act

    async def __call__(self, event: event_pb2.Event) -> None:
        self.seen.append(text_of(event))
        self.times.append(time.monotonic())
        if self._act:
            await self._act(event)
        self.done.append(text_of(event))


def consumer(
    event_log: EventLog, handler: Diary, *kinds: int, ack_wait_s: float = 10.0
) -> Consumer:
    subjects = subjects_of_kinds(kinds or [PROGRESS])
    return Consumer(event_log, "readers", subjects, handler, ack_wait_s=ack_wait_s)


async def test_it_handles_every_event_of_its_kinds(event_log: EventLog) -> None:
    diary = Diary()
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("a"), became(QUEUED), said("b", task=TASK))
        await eventually(lambda: len(diary.done) == 2)
    assert sorted(diary.seen) == ["a", "b"]


async def test_several_kinds_are_one_stream(event_log: EventLog) -> None:
    diary = Diary()
    async with running(consumer(event_log, diary, PROGRESS, TASK_STATE).run()):
        await publish(event_log, said("a"), became(QUEUED))
        await eventually(lambda: len(diary.done) == 2)


async def test_what_happened_before_it_was_made_is_handled_too(event_log: EventLog) -> None:
    diary = Diary()
    await publish(event_log, *(said(n) for n in range(100)))
    async with running(consumer(event_log, diary).run()):
        await eventually(lambda: len(diary.done) == 100)
    assert sorted(map(int, diary.seen)) == list(range(100))


async def test_after_a_restart_it_goes_on_and_repeats_nothing(event_log: EventLog) -> None:
    diary = Diary()
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("a"))
        await eventually(lambda: diary.done)
        await asyncio.sleep(0.1)
    await publish(event_log, said("b"))
    async with running(consumer(event_log, diary).run()):
        await eventually(lambda: len(diary.done) == 2)
    assert diary.seen == ["a", "b"]


async def test_its_kinds_may_change_at_a_restart(event_log: EventLog) -> None:
    diary = Diary()
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("a"))
        await eventually(lambda: diary.done)
    async with running(consumer(event_log, diary, PROGRESS, TASK_STATE).run()):
        await publish(event_log, became(QUEUED))
        await eventually(lambda: len(diary.done) == 2)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, OSError, TimeoutError])
async def test_an_event_whose_handler_raises_comes_again_later_and_later(
    event_log: EventLog, error: type[Exception]
) -> None:
    async def fail_twice(_: event_pb2.Event) -> None:
        if len(diary.seen) < 3:
            raise error("not yet")

    diary = Diary(fail_twice)
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("a"))
        await eventually(lambda: diary.done)
    assert diary.seen == ["a", "a", "a"]
    first, second, third = diary.times
    assert second - first >= 0.15
    assert third - second >= 0.35


async def test_an_event_that_fails_does_not_hold_up_the_others(event_log: EventLog) -> None:
    async def fail_one(event: event_pb2.Event) -> None:
        if text_of(event) == "bad":
            raise RuntimeError

    diary = Diary(fail_one)
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("bad"), said("a"), said("b"))
        await eventually(lambda: sorted(diary.done) == ["a", "b"])


async def test_killed_between_commit_and_acknowledgement_it_sees_the_event_again(
    connect: Connect,
) -> None:
    committed: list[str] = []
    stuck = asyncio.Event()

    async def commit_then_die(event: event_pb2.Event) -> None:
        committed.append(text_of(event))
        stuck.set()
        await asyncio.sleep(3600)

    dying, heir = await connect(), await connect()
    async with running(consumer(dying, Diary(commit_then_die), ack_wait_s=0.5).run()):
        await publish(dying, said("a"))
        await stuck.wait()
        await dying.close()
    diary = Diary()
    async with running(consumer(heir, diary, ack_wait_s=0.5).run()):
        await eventually(lambda: diary.done)
    assert (committed, diary.done) == (["a"], ["a"])


async def test_a_stop_leaves_no_handler_running(event_log: EventLog) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work(_: event_pb2.Event) -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async with running(consumer(event_log, Diary(work)).run()):
        await publish(event_log, said("a"))
        await started.wait()
    assert ended.is_set()


async def test_two_replicas_share_the_events(connect: Connect) -> None:
    async def work(_: event_pb2.Event) -> None:
        await asyncio.sleep(0.002)

    one, two = Diary(work), Diary(work)
    first, second = await connect(), await connect()
    async with running(consumer(first, one).run(), consumer(second, two).run()):
        await asyncio.sleep(0.1)
        await publish(first, *(said(n) for n in range(400)))
        await eventually(lambda: len(one.done) + len(two.done) >= 400)
    assert Counter(one.done + two.done) == Counter(str(n) for n in range(400))
    assert one.done
    assert two.done


async def test_it_handles_many_at_once_and_not_too_many(
    event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = most = 0

    async def work(_: event_pb2.Event) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    monkeypatch.setattr("services.mesh.events.consumer.MAX_IN_FLIGHT", 8)
    diary = Diary(work)
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, *(said(n) for n in range(100)))
        await eventually(lambda: len(diary.done) == 100)
    assert 2 <= most <= 8


async def test_it_goes_on_after_the_server_was_killed(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    diary = Diary()
    event_log = await connect(own_nats.url)
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("before"))
        await eventually(lambda: diary.done)
        for round_ in range(2):
            own_nats.kill()
            await own_nats.start()
            back = await connect(own_nats.url)
            await publish(back, said(f"after {round_}"))
            await eventually(lambda round_=round_: f"after {round_}" in diary.done)  # type: ignore[misc]


async def test_it_is_made_anew_where_it_was_deleted(event_log: EventLog) -> None:
    diary = Diary()
    async with running(consumer(event_log, diary).run()):
        await publish(event_log, said("a"))
        await eventually(lambda: diary.done)
        await event_log.jetstream.delete_consumer(STREAM, "readers")
        await publish(event_log, said("b"))
        await eventually(lambda: "b" in diary.done)


async def test_what_is_no_event_is_passed_over(event_log: EventLog) -> None:
    diary = Diary()
    subject = subject_of(said(""))
    await event_log.jetstream.publish(subject, b"\xff\xff no event")
    await publish(event_log, said("a"))
    async with running(consumer(event_log, diary).run()), following(event_log) as hub:
        await eventually(lambda: diary.done == ["a"])
        stream = hub.stream(PROJECT, from_start=True)
        assert words(await take(stream, 2)) == ["a", "LIVE"]
        await event_log.jetstream.publish(subject, b"\xff\xff no event")
        await publish(event_log, said("b"))
        assert words(await take(stream, 1)) == ["b"]
        await eventually(lambda: diary.done == ["a", "b"])
