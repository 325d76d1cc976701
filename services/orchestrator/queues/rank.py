"""Ranks: where a task stands in its queue, as text that sorts as the queue does.

A rank is a fraction in base 36, so there is always one between two others, and a task is
moved by writing that one task. It begins with the microsecond of its making, which makes
the usual order that of submission, across projects. No rank ends with `0`, so that texts
compare as their fractions do.
"""

from datetime import datetime, timedelta
from typing import Final

from services.mesh.errors import AdjutantError

DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE: Final = len(DIGITS)
TIME_DIGITS: Final = 11
"""They hold microseconds for four thousand years."""
MAX_LENGTH: Final = 400
"""Reached by no fewer than some 600 moves, each between the two before it."""
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MIDDLE: Final = "i"
_ROOM: Final = BASE**2
_SHARE: Final = 32
"""A step away from the longer neighbour is so small a share of the gap."""
_MORE_DIGITS: Final = 3


def at(time: datetime) -> str:
    """Return the rank of whatever joins its queue at a moment."""
    return _of_time((time - _EPOCH) // timedelta(microseconds=1))


def after(rank: str) -> str:
    """Return a rank behind another one, with room between."""
    return _of_time(_fraction(rank, TIME_DIGITS) + 1)


def between(low: str, high: str) -> str:
    """Return a rank that is strictly between two, near the high one. QUEUE_CROWDED.

    `low` is empty where nothing stands before. Whoever moves a task in front of another
    takes its place and gains nothing on those of other projects that stand before both.

    The new rank keeps to the longer neighbour, which is the one that was made later: as a rule
    the next one comes on the other side of it, and then the ranks hardly grow.
    """
    places = max(len(low), len(high), TIME_DIGITS + 1)
    while True:
        top = _fraction(high, places)
        bottom = max(_fraction(low, places), top - BASE ** (places - TIME_DIGITS))
        gap = top - bottom
        if gap >= _ROOM:
            break
        places += _MORE_DIGITS
    if len(low) == len(high):
        value = bottom + gap // 2
    else:
        step = gap // _SHARE
        value = bottom + step if len(low) > len(high) else top - step
    rank = _text(value, places)
    if len(rank) > MAX_LENGTH:
        raise AdjutantError(
            "QUEUE_CROWDED",
            "Too many tasks were put at this place of the queue; put it before another task.",
            field="before",
        )
    return rank


def _of_time(microseconds: int) -> str:
    return _text(microseconds * BASE + DIGITS.index(_MIDDLE), TIME_DIGITS + 1)


def _fraction(rank: str, places: int) -> int:
    """Return so many digits of a rank as a whole number."""
    return int(rank[:places].ljust(places, DIGITS[0]), BASE)


def _text(value: int, places: int) -> str:
    digits = []
    for _ in range(places):
        value, digit = divmod(value, BASE)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits)).rstrip(DIGITS[0])
