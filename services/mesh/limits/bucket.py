"""The arithmetic of a token bucket, kept as one number (the generic cell rate algorithm).

A bucket of so many units fills at a steady rate. When it will be full again says all of its
state, so it can be stored, compared and set as one value.
"""

from dataclasses import dataclass
from typing import Final

_CLOCK_STEP_S: Final = 1e-6
"""A double tells moments of this century apart by a quarter of this: no reason to refuse."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a bucket fills, and how much it holds."""

    per_s: float
    """Units that come back in a second."""
    burst: float
    """Units that a full bucket holds."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What was taken from a bucket."""

    units: float
    """How much; 0 where what was asked for is not there."""
    full_at: float
    """When the bucket will be full again, if nothing more is taken."""
    wait_s: float
    """Seconds after which what was asked for will be there; 0 where it was."""


def take(rate: Rate, full_at: float, now: float, least: float, most: float) -> Grant:
    """Take what is there, up to `most`, where at least `least` is.

    `least` may not exceed what the bucket holds. A bucket that would be full
    later than an empty one can be is an empty one: its rate was raised, or a clock was wrong.
    """
    owed = min(max(full_at - now, 0.0) * rate.per_s, rate.burst)
    full_at = now + owed / rate.per_s
    there = rate.burst - owed
    if there + _CLOCK_STEP_S * rate.per_s < least:
        return Grant(0.0, full_at, (least - there) / rate.per_s)
    units = min(max(there, least), most)
    return Grant(units, full_at + units / rate.per_s, 0.0)
