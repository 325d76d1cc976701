"""The figures that benchmarks print are what they say."""

import pytest

from bench import harness
from bench.table import print_table


def test_percentiles_are_samples_by_nearest_rank() -> None:
    one = harness.figure("x", (float(n) for n in range(100, 0, -1)))
    assert (one.count, one.p50, one.p95, one.p99) == (100, 50.0, 95.0, 99.0)


def test_a_single_sample_is_every_percentile() -> None:
    assert harness.figure("x", [7.0]).p99 == 7.0


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured: x"):
        harness.figure("x", [])


def test_the_ratio_is_to_all_floors_together() -> None:
    figures = [
        harness.figure("mesh", [3.0], floors=("call", "commit")),
        harness.figure("call", [1.0]),
        harness.figure("commit", [0.5]),
    ]
    assert harness.ratio(figures[0], figures) == 2.0
    assert harness.ratio(figures[0], figures[:2]) is None
    assert harness.ratio(figures[1], figures) is None


def test_aims_are_met_or_missed() -> None:
    floor = harness.figure("floor", [1.0])
    one = harness.figure("x", [2.0], aims={"p50": 2.5, "p99": 2.0}, aim_ratio=1.5, floors=["floor"])
    assert harness.verdicts(one, [one, floor]) == {
        "p50 < 2.5": True,
        "p99 < 2": False,
        "ratio < 1.5": False,
    }


def test_figures_survive_json() -> None:
    one = harness.figure("x", [2.0], per_second=3.0, aims={"p50": 1.0})
    assert harness.from_json(harness.as_json([one])) == [one]


async def test_calls_are_timed_one_after_the_other() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1

    samples = await harness.repeat(call, 0.01)
    assert len(samples) == calls - harness.WARM_UP_CALLS
    assert min(samples) >= 0


def test_what_is_absent_survives_json_and_stands_in_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows: list[harness.Row] = [
        harness.figure("ours", [2.0], per_second=4.0, peers=["theirs"], repeated=0, notes=["how"]),
        harness.figure("theirs", [1.0], per_second=8.0),
        harness.Absent("another", "it is not for this machine"),
    ]
    assert harness.from_json(harness.as_json(rows)) == rows
    print_table(rows)
    shown = " ".join(capsys.readouterr().out.split())
    assert "another absent it is not for this machine" in shown
    assert "2.00 x the time, 0.50 x as many a second: theirs" in shown
