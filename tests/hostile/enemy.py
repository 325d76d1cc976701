"""Who attacks: what is known of the target, a source of chance, and a count of what was done."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.hostile.wire import Wire


@dataclass(frozen=True)
class Method:
    """A method as reflection tells of it."""

    path: str
    """On the wire, `/adjutant.orchestrator.v1.TaskService/GetTask`."""
    streams: bool
    """Whether it answers with a stream."""


@dataclass(frozen=True)
class Target:
    """What is attacked."""

    service: str
    """Its name, `orchestrator`."""
    port: int
    methods: tuple[Method, ...]
    project: str
    """A project that exists."""
    token: str = ""
    """A credential that is good; empty where the mesh asks for none."""

    @property
    def authority(self) -> str:
        """Where it is, `host:port`."""
        return f"127.0.0.1:{self.port}"


@dataclass
class Tally:
    """What was done, and what was found wrong meanwhile."""

    connections: int = 0
    streams: int = 0
    requests: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what another one counted."""
        self.connections += other.connections
        self.streams += other.streams
        self.requests += other.requests
        self.complaints += other.complaints


@dataclass
class Enemy:
    """One attacker."""

    target: Target
    chance: random.Random
    tally: Tally = field(default_factory=Tally)

    async def connect(self, *, settings: dict[int, int] | None = None, reads: bool = True) -> Wire:
        """Open a connection and greet as HTTP/2 does; close it when done."""
        wire = await self.dial()
        wire.greet(settings or {})
        if reads:
            wire.read_on()
        return wire

    async def dial(self) -> Wire:
        """Open a connection and say nothing."""
        self.tally.connections += 1
        return await Wire.open(self.target.port)

    def call(self, wire: Wire, path: str, content: bytes = b"", *, end: bool = True) -> int:
        """Send a call as a client would, with the credential; return its stream."""
        self.tally.streams += 1
        self.tally.requests += 1
        return wire.call(self.headers(path), content, end=end)

    def headers(self, path: str, *further: tuple[str, str]) -> list[tuple[str, str]]:
        """Return the headers of a call that is made right."""
        credential = [("authorization", f"Bearer {self.target.token}")] if self.target.token else []
        return [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", self.target.authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *credential,
            *further,
        ]

    def some_path(self) -> str:
        """Return one of the target's methods."""
        return self.chance.choice(self.target.methods).path

    def bytes(self, most: int) -> bytes:
        """Return some bytes."""
        return self.chance.randbytes(self.chance.randint(1, most))


Attack: TypeAlias = Callable[[Enemy], Awaitable[None]]
