"""The run: every attack, round after round, while a client works and the processes are watched."""

import asyncio
import contextlib
import multiprocessing
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import grpc

from services.ports import port_of
from tests.hostile import attacks_floods, attacks_frames, attacks_messages, attacks_slow
from tests.hostile.enemy import Attack, Enemy, Method, Tally, Target
from tests.hostile.tenants import Tenants, make_tenants
from tests.hostile.vitals import Vitals
from tests.hostile.witness import Witness
from tests.support.processes import LiveMesh, live_mesh
from tests.support.reflection import methods_of

ATTACKS: Final[Sequence[Attack]] = (
    *attacks_frames.ATTACKS,
    *attacks_messages.ATTACKS,
    *attacks_floods.ATTACKS,
    *attacks_slow.ATTACKS,
)
SERVICES: Final = ("orchestrator", "agent_runner", "notification")
ATTACK_LIMIT_S: Final = 30.0
"""Seconds after which an attack counts as hanging; none takes more than a few."""
_SETTINGS: Final = {"ADJUTANT_STREAM_HEARTBEAT_S": "1"}


@dataclass
class Report:
    """What a run found."""

    seed: int
    attacks: int = 0
    tally: Tally = field(default_factory=Tally)
    vitals: Vitals | None = None
    witness: Witness | None = None

    @property
    def complaints(self) -> list[str]:
        """Everything that was wrong."""
        assert self.vitals is not None
        assert self.witness is not None
        return [*self.tally.complaints, *self.vitals.complaints, *self.witness.complaints]

    def __str__(self) -> str:
        vitals, witness = self.vitals, self.witness
        assert vitals is not None
        assert witness is not None
        return (
            f"attacks={self.attacks} connections={self.tally.connections} "
            f"streams={self.tally.streams} requests={self.tally.requests} "
            f"unhealthy={witness.unhealthy} rss_start_mb={vitals.rss_start_mb:.0f} "
            f"rss_peak_mb={vitals.rss_peak_mb:.0f} rss_end_mb={vitals.rss_end_mb:.0f} "
            f"served={witness.served} slowest_ms={witness.slowest_s * 1000:.0f} seed={self.seed}"
        )


async def run(
    seconds: float, seed: int, *, attacks: Sequence[Attack] = ATTACKS, say: Any = lambda _: None
) -> Report:
    """Attack a mesh of its own until the time is over, with each attack at least once."""
    report = Report(seed)
    with tempfile.TemporaryDirectory(prefix="adjutant-hostile-") as folder:
        async with live_mesh(Path(folder) / "mesh", **_SETTINGS) as (mesh, _):
            tenants = await make_tenants(mesh)
            targets = await _targets(mesh, tenants)
            pids = {service: mesh.pid_of(service) or 0 for service in SERVICES}
            report.vitals = Vitals(pids)
            report.witness = Witness(tenants.witness, mesh.port_base)
            async with _meanwhile(report.vitals.run(), report.witness.run()):
                until = time.monotonic() + seconds
                await _attack(report, targets, tenants, attacks, until, say)
                await asyncio.sleep(1)
            report.witness.judge()
            await report.vitals.settle(report.tally.streams)
            report.vitals.complaints += [
                f"{service} was started anew"
                for service in SERVICES
                if mesh.pid_of(service) != pids[service]
            ]
    return report


async def _attack(
    report: Report,
    targets: Sequence[Target],
    tenants: Tenants,
    attacks: Sequence[Attack],
    until: float,
    say: Any,
) -> None:
    chance = random.Random(report.seed)
    loop = asyncio.get_running_loop()
    # A process of their own: attackers must not take the time of the client who is measured.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        while report.attacks < len(attacks) or time.monotonic() < until:
            attack = attacks[report.attacks % len(attacks)]
            target = _chosen(chance, attack, targets, tenants)
            began = time.monotonic()
            work = (attack.__module__, attack.__name__, target, chance.randrange(2**32))
            report.tally.add(await loop.run_in_executor(pool, _execute, *work))
            report.attacks += 1
            say(f"{attack.__name__} on {target.service}: {time.monotonic() - began:.1f} s")


def _chosen(
    chance: random.Random, attack: Attack, targets: Sequence[Target], tenants: Tenants
) -> Target:
    """Return a service that an attack makes sense on, and who attacks it.

    Half are strangers; a quarter has a key and its limits, a quarter the owner's token and none.
    """
    credentials = [tenants.enemy.token, tenants.owner_token]
    if attack in attacks_slow.NEED_LONG_ANSWERS:
        targets = [target for target in targets if target.service != "agent_runner"]
    else:
        credentials += ["", ""]
    return replace(chance.choice(targets), token=chance.choice(credentials))


def _execute(module: str, name: str, target: Target, seed: int) -> Tally:
    """Attack, in a process that was made for it."""
    import importlib

    attack = getattr(importlib.import_module(module), name)
    enemy = Enemy(target, random.Random(seed))

    async def within_limit() -> None:
        async with asyncio.timeout(ATTACK_LIMIT_S):
            await attack(enemy)

    try:
        asyncio.run(within_limit())
    except TimeoutError:
        enemy.tally.complaints.append(f"{name} on {target.service} hangs")
    except OSError as error:
        enemy.tally.complaints.append(f"{name} on {target.service} was not let in: {error}")
    return enemy.tally


async def _targets(mesh: LiveMesh, tenants: Tenants) -> list[Target]:
    """Return every service as a target."""
    targets = []
    enemy = tenants.enemy
    for service in SERVICES:
        port = port_of(service, mesh.port_base)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            found = await methods_of(channel)
        methods = tuple(Method(path, kind.server_streaming) for path, kind in found.items())
        targets.append(Target(service, port, methods, enemy.project))
    return targets


@contextlib.asynccontextmanager
async def _meanwhile(*works: Any) -> AsyncIterator[None]:
    """Run coroutines while the block runs; what one failed with, the block's end raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        _raise_first(await asyncio.gather(*tasks, return_exceptions=True))


def _raise_first(results: Iterable[Any]) -> None:
    for result in results:
        if isinstance(result, Exception):
            raise result
