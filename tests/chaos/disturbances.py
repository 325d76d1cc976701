"""What is done to whom, and when: drawn from one seed before anything has happened."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

VICTIMS: Final[Mapping[str, int]] = {
    "orchestrator": 6,
    "agent_runner": 6,
    "notification": 4,
    "nats": 4,
    "spawner": 5,
    "shim": 9,
    "spare": 2,
    "up": 1,
}
"""How often each part is chosen, in relation. With `up` everything starts anew: some seconds."""
QUICK: Final = ("spawner", "shim", "spare")
"""Parts that are back at once."""
PAUSE_S: Final = 0.45
"""Seconds between two disturbances, on average."""
_LONGEST_PAUSE_S: Final = 3.0
_STOP_SHARE: Final = 0.2
"""Share of disturbances that stop a process instead of killing it."""
_LONG_STOP_SHARE: Final = 0.5
"""Share of stops that last longer than a lease."""
_SHORT_STOP_S: Final = (0.1, 1.0)
_PAST_LEASE_S: Final = (0.3, 2.0)


@dataclass(frozen=True)
class Wish:
    """A disturbance to be."""

    pause_s: float
    """Seconds after the one before."""
    victim: str
    which: float
    """Of several, from 0 to 1."""
    stop_s: float
    """Seconds for which it is stopped; 0 means that it is killed."""


def wishes(chance: random.Random, lease_s: float) -> Iterator[Wish]:
    """Yield disturbances for ever; the same seed gives the same."""
    parts, weights = list(VICTIMS), list(VICTIMS.values())
    while True:
        yield Wish(
            pause_s=min(chance.expovariate(1 / PAUSE_S), _LONGEST_PAUSE_S),
            victim=chance.choices(parts, weights)[0],
            which=chance.random(),
            stop_s=_stop_s(chance, lease_s),
        )


def _stop_s(chance: random.Random, lease_s: float) -> float:
    stops, long = chance.random() < _STOP_SHARE, chance.random() < _LONG_STOP_SHARE
    lasts_s = lease_s + chance.uniform(*_PAST_LEASE_S) if long else chance.uniform(*_SHORT_STOP_S)
    return lasts_s if stops else 0.0
