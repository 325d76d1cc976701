"""A workflow of three durable steps, one after the other: ours, DBOS and Restate in the same run.

Each row is the time of one workflow alone, from asking for it to knowing that it has completed,
and how many a second complete with 16 of them in flight. A step's result is recorded, so that it
is not done again after a crash. Once each step runs a process (`sh -c true`); once it does not.
"""

import itertools

from bench import harness
from bench.peers.contenders import CONTENDERS
from bench.peers.environment import AbsentError
from bench.peers.workflows import NOTHING, PROCESSES, Contender, Steps, System

IN_FLIGHT = 16
WORK = {
    "3 steps, a process each": PROCESSES,
    "3 steps, a bare function each": NOTHING,
}
TICKED = "3 steps, ticked off"
OURS_TICKED = (
    f"{TICKED}: no step is done; the five nodes of the task's graph, a checkpoint and event each"
)


def name_of(work: str, contender: Contender) -> str:
    """Return what a figure is called."""
    if contender.ours and WORK[work] is NOTHING:
        work = TICKED
    return f"{work}: {contender.name}"


async def measure(seconds: float) -> list[harness.Row]:
    """Measure each system by itself; those that are absent, with the reason."""
    rows: list[harness.Row] = []
    for contender in CONTENDERS:
        try:
            async with contender.open() as system:
                for work, steps in WORK.items():
                    rows.append(await _timed(system, contender, work, steps, seconds))
        except (AbsentError, RuntimeError, TimeoutError) as error:
            if contender.ours:
                raise
            reason = str(error) or type(error).__name__
            rows.append(harness.Absent(f"3 steps: {contender.name}", reason))
    return rows


async def _timed(
    system: System, contender: Contender, work: str, steps: Steps, seconds: float
) -> harness.Figure:
    numbers = itertools.count()
    prefix = work.split()[-2]

    async def workflow() -> None:
        await system.run(f"{prefix}-{next(numbers)}", steps)

    alone = await harness.repeat(workflow, seconds)
    per_second = await harness.rate(workflow, seconds, IN_FLIGHT)
    ticked = contender.ours and steps is NOTHING
    return harness.figure(
        name_of(work, contender),
        alone,
        per_second=per_second,
        peers=[name_of(work, other) for other in contender.comparable(CONTENDERS)],
        notes=(*contender.notes, *([OURS_TICKED] if ticked else [])),
    )


if __name__ == "__main__":
    harness.main(measure, __doc__)
