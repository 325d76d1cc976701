"""What every benchmark shares: samples, percentiles, floors and aims, JSON."""

import argparse
import asyncio
import json
import math
import os
import platform
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

SECONDS_DEFAULT = 3.0
WARM_UP_CALLS = 20
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Figure:
    """One measured thing; times are milliseconds."""

    name: str
    count: int
    p50: float
    p95: float
    p99: float
    maximum: float
    per_second: float | None = None
    """How many a second, where that was measured too."""
    floors: tuple[str, ...] = ()
    """Names of the floors whose p50 together are what it cannot go below."""
    aims: dict[str, float] = field(default_factory=dict)
    """Upper limits by percentile, as in `{"p99": 20.0}`."""
    aim_ratio: float | None = None
    """Upper limit of its p50 in multiples of its floors' p50 together."""
    peers: tuple[str, ...] = ()
    """Names of the figures of other systems that do the same."""
    repeated: int | None = None
    """How many steps were begun again, where that was counted."""
    notes: tuple[str, ...] = ()
    """What a reader must know to compare it."""


@dataclass(frozen=True)
class Absent:
    """A thing that could not be measured, and why."""

    name: str
    reason: str


Row = Figure | Absent
Measure = Callable[[float], Awaitable[Sequence[Row]]]
"""A benchmark: takes how many seconds each of its figures may take."""


def figure(
    name: str,
    samples_ms: Iterable[float],
    *,
    per_second: float | None = None,
    floors: Sequence[str] = (),
    aims: dict[str, float] | None = None,
    aim_ratio: float | None = None,
    peers: Sequence[str] = (),
    repeated: int | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Make a figure of samples; ValueError where there are none."""
    ordered = sorted(samples_ms)
    if not ordered:
        raise ValueError(f"nothing was measured: {name}")
    values = {name: percentile(ordered, share) for name, share in PERCENTILES.items()}
    return Figure(
        name,
        len(ordered),
        **values,
        maximum=ordered[-1],
        per_second=per_second,
        floors=tuple(floors),
        aims=aims or {},
        aim_ratio=aim_ratio,
        peers=tuple(peers),
        repeated=repeated,
        notes=tuple(notes),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest sample that `share` of all do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def now_ms() -> float:
    """Return a clock that all processes of this machine share and nobody sets."""
    return time.monotonic_ns() / 1e6


async def repeat(call: Callable[[], Awaitable[object]], seconds: float) -> list[float]:
    """Time one call after the other for so many seconds, after some that do not count."""
    for _ in range(WARM_UP_CALLS):
        await call()
    samples = []
    end = now_ms() + seconds * 1000
    while (start := now_ms()) < end:
        await call()
        samples.append(now_ms() - start)
    return samples


async def rate(call: Callable[[], Awaitable[object]], seconds: float, in_flight: int) -> float:
    """Return how many calls a second are done with so many in flight."""
    done = 0
    end = now_ms() + seconds * 1000

    async def worker() -> None:
        nonlocal done
        while now_ms() < end:
            await call()
            done += 1

    start = now_ms()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return done / (now_ms() - start) * 1000


def measured(rows: Sequence[Row]) -> list[Figure]:
    """Return the rows that are figures."""
    return [row for row in rows if isinstance(row, Figure)]


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON, with the machine that they were measured on."""
    machine = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    figures = measured(rows)
    absent = [vars(row) for row in rows if isinstance(row, Absent)]
    return json.dumps(
        {
            "machine": machine,
            "figures": [
                vars(one) | {"ratio": ratio(one, figures), "met": verdicts(one, figures)}
                for one in figures
            ],
            "absent": absent,
        },
        indent=2,
    )


def from_json(text: str) -> list[Row]:
    """Return the rows that as_json wrote, those without figures last."""
    keys = Figure.__dataclass_fields__.keys()
    content = json.loads(text)
    rows: list[Row] = []
    for row in content["figures"]:
        tuples = {name: tuple(row[name]) for name in ("floors", "peers", "notes")}
        rows.append(Figure(**{k: v for k, v in row.items() if k in keys} | tuples))
    return rows + [Absent(**row) for row in content["absent"]]


def floor_p50(one: Figure, figures: Sequence[Figure]) -> float | None:
    """Return the p50 of a figure's floors together; None where one of them is not there."""
    p50s = {other.name: other.p50 for other in figures}
    if not one.floors or not set(one.floors) <= p50s.keys():
        return None
    return sum(p50s[name] for name in one.floors)


def ratio(one: Figure, figures: Sequence[Figure]) -> float | None:
    """Return how many times its floors' p50 a figure's p50 is; None where that is not known."""
    floor = floor_p50(one, figures)
    return one.p50 / floor if floor else None


def verdicts(one: Figure, figures: Sequence[Figure]) -> dict[str, bool]:
    """Return each aim of a figure as a phrase, and whether it is met."""
    aims = {f"{name} < {limit:g}": getattr(one, name) < limit for name, limit in one.aims.items()}
    times = ratio(one, figures)
    if one.aim_ratio and times:
        aims[f"ratio < {one.aim_ratio:g}"] = times < one.aim_ratio
    return aims


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the arguments that all benchmarks take."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS_DEFAULT, help="how long each figure may take"
    )
    return parser


def main(measure: Measure, description: str | None) -> None:
    """Run one benchmark by itself."""
    options = arguments(description).parse_args()
    rows = asyncio.run(_measured(measure, options.seconds))
    if options.json:
        print(as_json(rows))
    else:
        from bench.table import print_table  # it reads figures, so it imports this module

        print_table(rows)


async def _measured(measure: Measure, seconds: float) -> Sequence[Row]:
    measuring = asyncio.current_task()
    assert measuring is not None, "asyncio.run makes a task of what it runs"
    # As with Ctrl-C: what was started is ended on the way out.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measuring.cancel)
    return await measure(seconds)
