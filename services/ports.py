"""Where things answer: each part of a mesh has a fixed offset from a port base.

A leaf: it imports nothing of ours, so that services, client and command line may all read it.
"""

import ipaddress
import random
import socket
from typing import Final

PORT_BASE_DEFAULT: Final = 7400
"""The port base where nobody says otherwise (`ADJUTANT_PORT_BASE`)."""

OFFSETS: Final[dict[str, int]] = {
    "nats": 0,
    "orchestrator": 1,
    "agent_runner": 2,
    "knowledge_base": 3,
    "transcription": 4,
    "notification": 5,
}
"""Where each part listens, counted from the port base."""

REPLICA_STRIDE: Final = 10
"""Ports between two replicas of a service."""
MAX_REPLICAS: Final = 16
"""How many replicas of each service there may be on one machine."""


def port_of(part: str, port_base: int = PORT_BASE_DEFAULT, replica: int = 0) -> int:
    """Return the TCP port of a part of the mesh; KeyError where no part has this name."""
    return port_base + OFFSETS[part] + REPLICA_STRIDE * replica


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, so that nobody else hears what is said to it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def free_port() -> int:
    """Return a port that is free right now; OSError where none is found.

    It lies below the range from which systems take ports for outgoing
    connections: one of those could take it before its server does.
    """
    return _free_among(range(10000, 15000), (0,))


def free_port_base(replicas: int = 1) -> int:
    """Return a port base, all of whose ports are free right now; otherwise as `free_port`.

    It has room for so many replicas of each service.
    """
    offsets = [port_of(part, 0, replica) for replica in range(replicas) for part in OFFSETS]
    return _free_among(range(15000, 30000, REPLICA_STRIDE), tuple(offsets))


def _free_among(candidates: range, offsets: tuple[int, ...]) -> int:
    for base in random.sample(candidates, 100):
        if all(_is_free(base + offset) for offset in offsets):
            return base
    raise OSError(f"no free ports between {candidates.start} and {candidates.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
