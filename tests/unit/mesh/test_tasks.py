"""Ending tasks, also those that lose a cancellation."""

import asyncio

from services.mesh import tasks

PATIENCE_S = 10.0


async def test_tasks_are_ended_whatever_they_do_about_it() -> None:
    async def sleeps() -> None:
        await asyncio.sleep(3600)

    async def loses_the_first_cancellation() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)

    async def fails() -> None:
        raise RuntimeError

    works = [sleeps(), loses_the_first_cancellation(), fails()]
    running = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await tasks.end(running)
    assert [task.cancelled() for task in running] == [True, True, False]
    assert isinstance(running[2].exception(), RuntimeError)


async def test_nothing_to_end_is_nothing_to_wait_for() -> None:
    await tasks.end([])
