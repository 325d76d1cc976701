"""Messages are handed over exactly once although the orchestrator is killed at any moment."""

import asyncio
import random
from pathlib import Path

import grpc
import pytest

from tests.support.mesh import Caller
from tests.support.processes import live_mesh
from tests.support.senders import Senders

KILLS = 4
TASKS = 3
"""For each kill."""
MESSAGES = 10
"""For each task."""


@pytest.mark.timeout(480)
async def test_messages_are_handed_over_once_whenever_the_orchestrator_is_killed(
    tmp_path: Path,
) -> None:
    chance = random.Random(11)
    fast = {"ADJUTANT_RECONCILE_INTERVAL_S": "0.5"}
    names: list[str] = []
    async with live_mesh(tmp_path / "data", **fast) as (mesh, caller):
        senders = Senders(caller, tmp_path, chance)
        for _ in range(KILLS):
            tasks = [await _submit(caller) for _ in range(TASKS)]
            names += tasks
            sending = [
                asyncio.create_task(senders.send(name, chance.uniform(0, 3)))
                for name in tasks
                for _ in range(MESSAGES)
            ]
            await asyncio.sleep(chance.uniform(0.2, 2.5))
            await mesh.kill("orchestrator")
            await asyncio.gather(*sending)
        for name in names:
            await _ended(caller, name)
        await senders.check(names)
    assert senders.cut_off, "senders were cut off too"
    assert len(senders.accepted) >= 16
    assert len(senders.sent) > len(senders.accepted)


async def _submit(caller: Caller) -> str:
    async with asyncio.timeout(60):
        while True:
            try:
                return (await caller.submit("- [ ] one\n  run: sleep 1\n")).name
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


async def _ended(caller: Caller, name: str) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                await caller.finished(name, timeout_s=100)
                return
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
