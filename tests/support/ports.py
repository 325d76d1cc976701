"""Ports for tests that start several servers side by side."""

import random
import socket

PORTS_OF_A_MESH = 8
# Below what Linux and macOS hand out to outgoing connections, one of which would
# otherwise take a port between our look and the server's bind.
LOWEST, HIGHEST = 10_000, 32_000


def free_port_range() -> int:
    """Return a port base with the next ports free too, as far as anybody can tell."""
    for _ in range(100):
        base = random.randrange(LOWEST, HIGHEST, PORTS_OF_A_MESH)
        if all(_is_free(base + offset) for offset in range(PORTS_OF_A_MESH)):
            return base
    raise OSError("no range of free ports was found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
