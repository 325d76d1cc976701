"""The table of figures, and what stands below it."""

import sys
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.harness import PERCENTILES, Absent, Figure, Row, floor_p50, measured, ratio, verdicts

WIDTH = 180
"""Columns where the table is not shown on a terminal."""


def print_table(rows: Sequence[Row]) -> None:
    """Print each figure beside its floor and its aim, and what could not be measured with why."""
    figures = measured(rows)
    counted = any(one.repeated is not None for one in figures)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("milliseconds", no_wrap=True)
    headings = ["n", *PERCENTILES, "max", "a second", "floor", "ratio"]
    for heading in headings + (["repeated"] if counted else []):
        table.add_column(heading, justify="right", no_wrap=True, min_width=5)
    table.add_column("aim")
    for row in rows:
        cells = _cells(row, figures, counted) if isinstance(row, Figure) else _absent(row, table)
        table.add_row(*cells)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(table)
    for line in _below(figures):
        console.print(line, markup=False, soft_wrap=True)


def _cells(one: Figure, figures: Sequence[Figure], counted: bool) -> list[str]:
    floor, times = floor_p50(one, figures), ratio(one, figures)
    aims = verdicts(one, figures).items()
    again = "" if one.repeated is None else str(one.repeated)
    return [
        one.name,
        str(one.count),
        *(f"{getattr(one, name):.2f}" for name in PERCENTILES),
        f"{one.maximum:.2f}",
        f"{one.per_second:,.0f}" if one.per_second else "",
        f"{floor:.2f}" if floor else "",
        f"{times:.1f} x" if times else "",
        *([again] if counted else []),
        ", ".join(f"{aim} {'met' if met else 'MISSED'}" for aim, met in aims),
    ]


def _absent(row: Absent, table: Table) -> list[str]:
    blank = [""] * (len(table.columns) - 3)
    return [row.name, "absent", *blank, row.reason]


def _below(figures: Sequence[Figure]) -> Iterator[str]:
    floored = [one for one in figures if floor_p50(one, figures)]
    if floored:
        yield "A floor is the p50 of the plainest programs with the same parts, together:"
    for one in floored:
        yield f"  {one.name}: {' + '.join(one.floors)}"
    compared = [one for one in figures if any(peers_of(one, figures))]
    if compared:
        yield "Beside other systems in the same run, by p50 and by how many a second:"
    for one in compared:
        yield f"  {one.name}"
        yield from (f"    {beside(one, peer)}" for peer in peers_of(one, figures))
    notes = dict.fromkeys(note for one in figures for note in one.notes)
    if notes:
        yield "What exactly was done:"
    yield from (f"  {note}" for note in notes)


def peers_of(one: Figure, figures: Sequence[Figure]) -> list[Figure]:
    """Return those of a figure's peers that were measured."""
    return [peer for peer in figures if peer.name in one.peers]


def beside(one: Figure, peer: Figure) -> str:
    """Return how a figure compares with a peer's."""
    times = f"{one.p50 / peer.p50:.2f} x the time"
    if one.per_second and peer.per_second:
        times += f", {one.per_second / peer.per_second:.2f} x as many a second"
    return f"{times}: {peer.name}"
