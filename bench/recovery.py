"""How long after a kill work goes on: ours, DBOS and Restate in the same run.

Some workflows of three steps are in flight, each step a process that appends to a file, waits,
and appends again. A process of the system is ended with SIGKILL and started again at once.
Timed, for each workflow that was cut off, is from the kill to the end of the first step that was
begun after it, so a step's own time is part of it. In the end each workflow must have
completed, and what the steps appended tells which of them were done again.
"""

import asyncio
import pathlib
import tempfile

from bench import harness
from bench.effects import Effects
from bench.peers.contenders import CONTENDERS
from bench.peers.environment import AbsentError
from bench.peers.workflows import STEPS, Contender, System

NAME = "kill → next step done: {}, {}"
KILLS = 10
KILLING_S_PER_S = 20.0
"""No further kill after so many seconds for each second that a figure may take."""
IN_FLIGHT = 8
STEP_S = 0.1
GRACE_MS = 100.0
"""What a step says so soon after the kill was begun before it: no process is back by then."""
ROUND_TIMEOUT_S = 120.0
NOTE = (
    f"kill → next step done: up to {KILLS} kills, each with {IN_FLIGHT} workflows in flight; n is "
    f"how many were cut off. A step takes {STEP_S * 1000:g} ms, which are part of the time. Peers "
    "are started again by the bench as soon as they are gone, ours by its supervisor 100 ms later"
)
CONTRACT = (
    "repeated: steps begun again. DBOS and Restate do a step again whose result was not recorded, "
    "which is their contract. A step's process outlives the process that is killed, so its effect "
    "can happen twice with them; ours finds the running process again"
)


async def measure(seconds: float) -> list[harness.Row]:
    """Kill each process of each system again and again; those that are absent, with the reason."""
    rows: list[harness.Row] = []
    for contender in CONTENDERS:
        for victim in contender.victims:
            name = NAME.format(contender.name, victim)
            try:
                rows.append(await _measured(name, contender, victim, seconds))
            except (AbsentError, RuntimeError, TimeoutError) as error:
                if contender.ours:
                    raise
                rows.append(harness.Absent(name, str(error) or type(error).__name__))
    return rows


async def _measured(name: str, contender: Contender, victim: str, seconds: float) -> harness.Figure:
    samples: list[float] = []
    last = harness.now_ms() + seconds * KILLING_S_PER_S * 1000
    with tempfile.TemporaryDirectory(prefix="bench-effects-") as folder:
        async with (
            Effects.followed(pathlib.Path(folder, "effects")) as effects,
            contender.open() as system,
        ):
            kills = 0
            while kills < KILLS and (not kills or harness.now_ms() < last):
                kills += 1
                async with asyncio.timeout(ROUND_TIMEOUT_S):
                    samples += await _killed(system, victim, effects, f"kill-{kills}")
                await asyncio.sleep(contender.pause_s)
            repeated, twice = _checked(effects, kills)
    return harness.figure(
        name,
        samples,
        repeated=repeated,
        peers=[
            NAME.format(other.name, lost)
            for other in contender.comparable(CONTENDERS)
            for lost in other.victims
        ],
        notes=(NOTE, CONTRACT, f"{name}: {kills} kills; {twice} steps had their effect twice"),
    )


async def _killed(system: System, victim: str, effects: Effects, prefix: str) -> list[float]:
    """Kill once; how long each workflow that was cut off took to go on."""
    names = [f"{prefix}-{number}" for number in range(IN_FLIGHT)]
    steps = {name: [effects.command(name, step, STEP_S) for step in range(STEPS)] for name in names}
    await asyncio.gather(*(system.start(name, steps[name]) for name in names))
    await effects.until(lambda: any((name, 1) in effects.counts("begun") for name in names))
    moment = await system.kill(victim)
    await asyncio.gather(*(system.ended(name) for name in names))
    ends = [effects.done_after(name, moment + GRACE_MS) for name in names]
    return [end - moment for end in ends if end is not None]


def _checked(effects: Effects, kills: int) -> tuple[int, int]:
    """Return how many steps were begun again, and done again; RuntimeError where one was lost."""
    begun, done = effects.counts("begun"), effects.counts("done")
    if len(done) != (asked := kills * IN_FLIGHT * STEPS):
        raise RuntimeError(f"only {len(done)} of {asked} steps were done")
    return begun.total() - len(begun), done.total() - len(done)


if __name__ == "__main__":
    harness.main(measure, __doc__)
