"""Kills and stops processes of the mesh, and writes down which."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psutil

from tests.chaos.disturbances import QUICK, Wish, wishes
from tests.chaos.parts import Found, is_still, of_mesh
from tests.support.processes import LiveMesh

BURST: Final = 4
"""Disturbances of services at most until the mesh has got on: what never runs cannot go wrong."""
GOT_ON: Final = 20
"""Events that are heard of a mesh that has got on."""
_LOOK_S: Final = 0.05
_LOOKS: Final = 200
_RESTART_S: Final = 0.2
"""Seconds after which the harness starts a supervisor again that has ended, as an init would."""


@dataclass(frozen=True)
class Disturbance:
    """What was done."""

    time_s: float
    """Seconds since the run began."""
    kind: str
    """`kill` or `stop`."""
    part: str
    pid: int
    run: str = ""
    """Of a shim: which run it kept, by its name."""
    stop_s: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.stop_s:.2f} s" if self.stop_s else ""
        run = f" of {self.run}" if self.run else ""
        return f"{self.time_s:7.2f} s  {self.kind} {self.part} {self.pid}{run}{lasts}"


@dataclass
class Killer:
    """Disturbs one mesh."""

    mesh: LiveMesh
    mark: str
    """Of its processes."""
    chance: random.Random
    lease_s: float
    news: Callable[[], int]
    """How many events were heard so far."""
    done: list[Disturbance] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _stopped: dict[psutil.Process, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(one.kind == "kill" for one in self.done)

    @property
    def killed_runs(self) -> set[str]:
        """Names of the runs whose shim was killed."""
        return {one.run for one in self.done if one.kind == "kill" and one.run}

    @property
    def killed_spares(self) -> int:
        """How many shims were killed of which could not be told whether they had a run."""
        unknown = ("spare", "shim")
        return sum(one.kind == "kill" and one.part in unknown and not one.run for one in self.done)

    async def run(self, seconds: float) -> None:
        """Disturb until the time is over; then let everything go on that was stopped."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._disturb_for_ever()
        finally:
            for process, waking in list(self._stopped.items()):
                waking.cancel()
                _wake(process)

    async def keep_up(self) -> None:
        """Start the supervisor again whenever it has ended, for ever."""
        while True:
            if not self.mesh.is_up():
                self.mesh.launch()
            await asyncio.sleep(_RESTART_S)

    async def _disturb_for_ever(self) -> None:
        burst, heard = 0, self.news()
        for wish in wishes(self.chance, self.lease_s):
            await asyncio.sleep(wish.pause_s)
            while burst >= BURST and self.news() < heard + GOT_ON:
                await asyncio.sleep(_LOOK_S)
            if self.news() >= heard + GOT_ON:
                burst, heard = 0, self.news()
            burst += self._disturb(wish) and wish.victim not in QUICK

    def _disturb(self, wish: Wish) -> bool:
        """Do it, and tell whether there was somebody to do it to."""
        found = [one for one in of_mesh(self.mark) if one.kind == wish.victim]
        if not found:
            return False
        found.sort(key=lambda one: one.process.pid)
        victim = found[int(wish.which * len(found))]
        if victim.process in self._stopped and wish.stop_s:
            return False
        with contextlib.suppress(psutil.Error):
            return self._do(victim, wish.stop_s)
        return False

    def _do(self, victim: Found, stop_s: float) -> bool:
        """Kill or stop a process, unless it has become another one meanwhile."""
        # Stopped in any case, so that what is written down of it is so when it dies.
        _suspend(victim.process)
        if not is_still(victim):
            victim.process.resume()
            return False
        run = victim.run
        if stop_s:
            waking = asyncio.create_task(self._wake_later(victim.process, stop_s))
            self._stopped[victim.process] = waking
        else:
            victim.process.kill()
        self._note("stop" if stop_s else "kill", victim, run, stop_s)
        return True

    async def _wake_later(self, process: psutil.Process, stop_s: float) -> None:
        await asyncio.sleep(stop_s)
        del self._stopped[process]
        _wake(process)

    def _note(self, kind: str, victim: Found, run: str, stop_s: float) -> None:
        time_s = time.monotonic() - self.began
        pid = victim.process.pid
        self.done.append(Disturbance(time_s, kind, victim.part, pid, run, stop_s))


def _suspend(process: psutil.Process) -> None:
    """Stop a process, and return when it does not go on any more. psutil.Error."""
    process.suspend()
    for _ in range(_LOOKS):
        if process.status() == psutil.STATUS_STOPPED:
            return
        time.sleep(0.001)


def _wake(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.resume()
