"""The one table of TCP ports: each part of a mesh has a fixed offset from a port base.

A leaf: it imports nothing, so that services, client and command line may all read it.
"""

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


def port_of(part: str, port_base: int = PORT_BASE_DEFAULT) -> int:
    """Return the TCP port of a part of the mesh; KeyError where no part has this name."""
    return port_base + OFFSETS[part]
