"""What every benchmark shares: samples, percentiles, floors and aims, the table."""

import argparse
import asyncio
import json
import math
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

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
    per_second: float | None = None
    """How many a second, where that was measured too."""
    floors: tuple[str, ...] = ()
    """Names of the floors whose p50 together are what it cannot go below."""
    aims: dict[str, float] = field(default_factory=dict)
    """Upper limits by percentile, as in `{"p99": 20.0}`."""
    aim_ratio: float | None = None
    """Upper limit of its p50 in multiples of its floors' p50 together."""


Measure = Callable[[float], Awaitable[list[Figure]]]
"""A benchmark: takes how many seconds each of its figures may take."""


def figure(
    name: str,
    samples_ms: Iterable[float],
    *,
    per_second: float | None = None,
    floors: Sequence[str] = (),
    aims: dict[str, float] | None = None,
    aim_ratio: float | None = None,
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
        per_second=per_second,
        floors=tuple(floors),
        aims=aims or {},
        aim_ratio=aim_ratio,
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


def as_json(figures: Sequence[Figure]) -> str:
    """Return the figures as JSON, with the machine that they were measured on."""
    machine = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    rows = [
        vars(one) | {"ratio": ratio(one, figures), "met": verdicts(one, figures)} for one in figures
    ]
    return json.dumps({"machine": machine, "figures": rows}, indent=2)


def from_json(text: str) -> list[Figure]:
    """Return the figures that as_json wrote."""
    keys = Figure.__dataclass_fields__.keys()
    rows = json.loads(text)["figures"]
    return [
        Figure(**{k: v for k, v in row.items() if k in keys} | {"floors": tuple(row["floors"])})
        for row in rows
    ]


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


def print_table(figures: Sequence[Figure]) -> None:
    """Print the figures, each beside its floor and its aim."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("milliseconds", no_wrap=True)
    for heading in ("n", *PERCENTILES, "a second", "floor", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=5)
    table.add_column("aim")
    for one in figures:
        table.add_row(*_row(one, figures))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(table)
    console.print("A floor is the p50 of the plainest programs with the same parts, together:")
    for one in figures:
        if floor_p50(one, figures):
            console.print(f"  {one.name}: {' + '.join(one.floors)}", markup=False, soft_wrap=True)


def _row(one: Figure, figures: Sequence[Figure]) -> list[str]:
    floor, times = floor_p50(one, figures), ratio(one, figures)
    aims = verdicts(one, figures).items()
    return [
        one.name,
        str(one.count),
        *(f"{getattr(one, name):.2f}" for name in PERCENTILES),
        f"{one.per_second:,.0f}" if one.per_second else "",
        f"{floor:.2f}" if floor else "",
        f"{times:.1f} x" if times else "",
        ", ".join(f"{aim} {'met' if met else 'MISSED'}" for aim, met in aims),
    ]


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
    figures = asyncio.run(_measured(measure, options.seconds))
    if options.json:
        print(as_json(figures))
    else:
        print_table(figures)


async def _measured(measure: Measure, seconds: float) -> list[Figure]:
    return await measure(seconds)
