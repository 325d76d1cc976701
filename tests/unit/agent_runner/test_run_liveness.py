"""What a run seems to be doing, as a table."""

import pytest

from services.agent_runner.backend import JobHeartbeat
from services.agent_runner.liveness import (
    LivenessLimits,
    Observation,
    first_observation,
    is_stuck,
    observe,
)

LIMITS = LivenessLimits(window_s=15, loop_repeats=20, stuck_after_s=900)
START_S = 1000.0


def beat(
    time_s: float, *, output_s: float = START_S, cpu_s: float = 0.0, repeats: int = 0
) -> JobHeartbeat:
    return JobHeartbeat(
        time_s=time_s,
        output_time_s=output_s,
        output_bytes=0,
        cpu_time_s=cpu_s,
        repeats=repeats,
    )


@pytest.mark.parametrize(
    ("found", "report_s", "liveness"),
    [
        (beat(1003), 0.0, "ACTIVE"),  # just started
        (beat(1100, output_s=1095), 0.0, "ACTIVE"),  # prints
        (beat(1100), 1095.0, "ACTIVE"),  # reports
        (beat(1100, output_s=1095, cpu_s=50), 0.0, "ACTIVE"),  # prints and computes
        (beat(1100, cpu_s=50), 0.0, "WAITING_ON_PROCESS"),  # a long quiet build
        (beat(1100, cpu_s=0.1), 0.0, "SILENT"),  # a timer that ticks is no work
        (beat(1100), 0.0, "SILENT"),
        (beat(1100, output_s=1099, repeats=20), 0.0, "LOOPING"),
        (beat(1100, output_s=1099, repeats=19), 0.0, "ACTIVE"),
        (beat(1100, output_s=1099, repeats=99), 1099.5, "ACTIVE"),  # a report is news
        (beat(1100, repeats=99), 0.0, "SILENT"),  # it looped once, and is quiet now
    ],
)
def test_liveness(found: JobHeartbeat, report_s: float, liveness: str) -> None:
    assert observe(first_observation(START_S), found, report_s, LIMITS).liveness == liveness


def follow(beats: list[JobHeartbeat]) -> Observation:
    last = first_observation(START_S)
    for found in beats:
        last = observe(last, found, 0.0, LIMITS)
    return last


def test_long_silence_is_stuck() -> None:
    beats = [beat(START_S + 3 * number) for number in range(1, 400)]
    assert not is_stuck(follow(beats[:299]), beats[298].time_s, LIMITS)
    assert is_stuck(follow(beats[:301]), beats[300].time_s, LIMITS)


def test_a_quiet_build_that_computes_is_never_stuck() -> None:
    beats = [beat(START_S + 3 * number, cpu_s=2.9 * number) for number in range(1, 4000)]
    last = follow(beats)
    assert last.liveness == "WAITING_ON_PROCESS"
    assert not is_stuck(last, beats[-1].time_s, LIMITS)


def test_silence_counts_from_the_last_sign() -> None:
    computing = [beat(START_S + 3 * number, cpu_s=3.0 * number) for number in range(1, 400)]
    quiet = [beat(computing[-1].time_s + 3 * number, cpu_s=1197.0) for number in range(1, 250)]
    last = follow(computing + quiet)
    assert last.liveness == "SILENT"
    assert not is_stuck(last, quiet[-1].time_s, LIMITS)
    assert is_stuck(last, computing[-1].time_s + 901, LIMITS)


def test_a_loop_is_told_and_not_ended() -> None:
    looping = [beat(START_S + 3 * n, output_s=START_S + 3 * n, repeats=n) for n in range(1, 999)]
    last = follow(looping)
    assert last.liveness == "LOOPING"
    assert not is_stuck(last, looping[-1].time_s, LIMITS)
