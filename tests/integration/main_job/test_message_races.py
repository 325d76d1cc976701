"""Messages that race with the end of their task: refused, or handed over exactly once."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.support.mesh import mesh_in_process
from tests.support.senders import Senders

TASKS = 24
MESSAGES = 10


@pytest.mark.timeout(240)
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
            sending = [
                asyncio.create_task(senders.send(task.name, chance.uniform(0, 1.5)))
                for _ in range(MESSAGES)
            ]
            await asyncio.gather(*sending)
        for name in names:
            await mesh.caller.finished(name, timeout_s=90)
        await senders.check(names)
    assert len(senders.accepted) >= 40, "the race was met from both sides"
    assert len(senders.sent) - len(senders.accepted) >= 20
