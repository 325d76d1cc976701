"""Passes that begin when the test says so, so that tasks wait for a slot as long as wanted."""

import asyncio

import pytest

from services.mesh.lease import Lease
from services.orchestrator.conductor import Conductor


class Gate:
    """Holds every pass until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.began: list[str] = []
        """Tasks, in the order in which their passes began."""


def hold_passes(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Have every pass of this process wait with its slot until the gate is opened."""
    gate, go_on = Gate(), Conductor._go_on

    async def held(conductor: Conductor, name: str, lease: Lease) -> None:
        await gate.opened.wait()
        gate.began.append(name)
        await go_on(conductor, name, lease)

    monkeypatch.setattr(Conductor, "_go_on", held)
    return gate
