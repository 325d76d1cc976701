"""The load: people who hand in work of every kind, a few pieces at a time."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from adjutant.orchestrator.v1 import approval_service_pb2
from tests.chaos.kinds import KINDS
from tests.chaos.marks import Marks
from tests.chaos.timetable import Timetable
from tests.chaos.work import Work
from tests.support.mesh import Caller

MOST_OPEN: Final = 6
"""Pieces of work that are under way at once; those that are left waiting come on top."""
_PAUSE_S: Final = 0.3
"""Seconds between two pieces of work, on average, while there is room."""


@dataclass
class Load:
    """Hands in work and sees each piece to its end."""

    callers: Sequence[Caller]
    projects: Sequence[str]
    folder: Path
    """Where steps write what they did."""
    repository: Path
    chance: random.Random
    works: list[Work] = field(default_factory=list)
    """All that were accepted."""
    timetables: list[Timetable] = field(default_factory=list)
    """Schedules that hand in work besides."""
    ended: int = 0
    _playing: set[asyncio.Task[None]] = field(default_factory=set)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_OPEN))

    async def run(self) -> None:
        """Hand in work for ever."""
        for project in self.projects:
            key = f"timetable-{len(self.timetables) + 1}"
            timetable = Timetable(key, project, Marks(self.folder / key), self.callers)
            await timetable.create()
            self.timetables.append(timetable)
        for number in itertools.count(1):
            await self._room.acquire()
            playing = asyncio.create_task(self._play(self._work(number)))
            self._playing.add(playing)
            await asyncio.sleep(self.chance.expovariate(1 / _PAUSE_S))

    async def settle(self, timeout_s: float) -> None:
        """Wait, for a while, until everything handed in has ended or waits for a person."""
        for timetable in self.timetables:
            await timetable.remove()
        if self._playing:
            done, late = await asyncio.wait(self._playing, timeout=timeout_s)
            await _end(late)
            for playing in done:
                playing.result()

    async def answer_the_rest(self, timeout_s: float) -> None:
        """Answer what was left waiting; it must come to an end within the time."""
        left = [work for work in self.works if work.kind.waits]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                for work in left:
                    group.create_task(self._answer(work))

    def _work(self, number: int) -> Work:
        kind = self.chance.choices(KINDS, [kind.weight for kind in KINDS])[0]
        key = f"{type(kind).__name__.lower()} {number}"
        return Work(
            key=key,
            kind=kind,
            project=self.chance.choice(self.projects),
            marks=Marks(self.folder / key.replace(" ", "-")),
            repository=self.repository,
            callers=self.callers,
            chance=random.Random(self.chance.randrange(2**32)),
        )

    async def _play(self, work: Work) -> None:
        """See one piece of work from its acceptance to its end, or to where it waits."""
        try:
            with _noting_refusals(work):
                await work.submit()
                self.works.append(work)
                await self._see_through(work)
        finally:
            self._room.release()

    async def _see_through(self, work: Work) -> None:
        following = asyncio.create_task(work.listener.follow())
        try:
            await work.kind.act(work)
            if not work.kind.waits:
                await following
                await work.listener.follow()  # a task that was retried ends once more
                self.ended += 1
        finally:
            await _end([following])

    async def _answer(self, work: Work) -> None:
        with _noting_refusals(work):
            await work.answer(approval_service_pb2.DecideApprovalRequest.DECISION_APPROVE)
            await work.listener.follow()
            self.ended += 1


@contextlib.contextmanager
def _noting_refusals(work: Work) -> Iterator[None]:
    """Complain of a call that was refused for good: the person did nothing wrong."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        work.complaints.append(f"{work.key} got {error.code()}: {error.details()}")


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
