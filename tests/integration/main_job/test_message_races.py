"""Messages that race with the end of their task: refused, or handed over exactly once."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.support.mesh import mesh_in_process
from tests.support.senders import Senders

TASKS = 10
SENDERS = 2
"""For each task; each sends until it is refused."""
MOST = 40
"""Messages of one sender."""


@pytest.mark.timeout(400)
async def test_messages_around_the_end_of_their_tasks_are_refused_or_handed_over_once(
    tmp_path: Path,
) -> None:
    chance = random.Random(4)
    async with mesh_in_process(tmp_path / "data") as mesh:
        senders = Senders(mesh.caller, tmp_path, chance)
        names = []
        for _ in range(TASKS):
            task = await mesh.caller.submit("- [ ] one\n  run: true\n")
            names.append(task.name)
            await asyncio.gather(*(_send_until_refused(senders, task.name) for _ in range(SENDERS)))
        for name in names:
            await mesh.caller.finished(name, timeout_s=90)
        await senders.check(names)
    refused = len(senders.sent) - len(senders.accepted)
    assert len(senders.accepted) >= 4 * TASKS, "the race was met from both sides"
    assert refused >= TASKS


async def _send_until_refused(senders: Senders, task: str) -> None:
    for number in range(1, MOST):
        # Slower and slower, so that the task comes to its end on any machine.
        pause_s = senders.chance.uniform(0, 0.03 * number)
        sent = await senders.send(task, pause_s, steps=0.5 if number < 6 else 0.0)
        if not sent.name:
            return
