"""What a run seems to be doing: a pure function of what was last seen of its job.

Silence alone is no reason to worry: a long quiet build computes. Only a run that
neither says nor computes anything is silent, and only long silence is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.agent_runner.backend import JobHeartbeat

ACTIVE: Final = "ACTIVE"
WAITING_ON_PROCESS: Final = "WAITING_ON_PROCESS"
SILENT: Final = "SILENT"
LOOPING: Final = "LOOPING"

_IDLE_CPU_SHARE = 0.005
"""Below this share of one processor a tree of processes only ticks over."""


@dataclass(frozen=True, slots=True)
class LivenessLimits:
    """When quiet counts as quiet, and repetition as a loop."""

    window_s: float
    """How long after its last sign a run still counts as active."""
    loop_repeats: int
    """How many times in a row the same lines must come to be a loop."""
    stuck_after_s: float
    """How long a run may be silent before it is ended."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was found out about a run up to one heartbeat. Times are seconds since the epoch."""

    liveness: str
    """ACTIVE, WAITING_ON_PROCESS, SILENT or LOOPING."""
    sign_time_s: float
    """When it last printed, reported or computed."""
    cpu_mark_time_s: float
    """When the present measurement of processor time began."""
    cpu_mark_s: float
    """The processor time used until then."""

    def silent_for_s(self, now_s: float) -> float:
        """How long it has given no sign at all."""
        return now_s - self.sign_time_s if self.liveness == SILENT else 0.0


def first_observation(start_time_s: float) -> Observation:
    """Begin with a run that was just started."""
    return Observation(ACTIVE, start_time_s, start_time_s, 0.0)


def observe(
    last: Observation, beat: JobHeartbeat, report_time_s: float, limits: LivenessLimits
) -> Observation:
    """Judge a run by its latest heartbeat and the time of its latest report (0 for none)."""
    said_time_s = max(beat.output_time_s, report_time_s)
    spoke = beat.time_s - said_time_s <= limits.window_s
    computes = _computes(last, beat)
    if spoke and beat.repeats >= limits.loop_repeats and report_time_s < beat.output_time_s:
        liveness = LOOPING
    elif spoke:
        liveness = ACTIVE
    else:
        liveness = WAITING_ON_PROCESS if computes else SILENT
    sign_time_s = max(last.sign_time_s, said_time_s, beat.time_s if computes else 0.0)
    return Observation(liveness, sign_time_s, beat.time_s, beat.cpu_time_s)


def is_stuck(last: Observation, now_s: float, limits: LivenessLimits) -> bool:
    """Whether a run has been silent for too long and should be ended."""
    return last.silent_for_s(now_s) > limits.stuck_after_s


def _computes(last: Observation, beat: JobHeartbeat) -> bool:
    elapsed_s = beat.time_s - last.cpu_mark_time_s
    used_s = beat.cpu_time_s - last.cpu_mark_s
    return elapsed_s > 0 and used_s / elapsed_s >= _IDLE_CPU_SHARE
