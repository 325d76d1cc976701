"""The proof itself: calls, answers that are allowed, and leaks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import grpc
from google.protobuf.message import Message

from services.mesh.access.contract import Method
from tests.isolation import requests
from tests.isolation.planted import Planted
from tests.isolation.who import Who, is_free
from tests.isolation.wire import Answer
from tests.isolation.world import World

AT_A_TIME: Final = 12
_DESTRUCTIVE: Final = ("Delete", "Remove", "Revoke", "Cancel", "Decide")
# On their own resources attackers may do what they like; what is refused there, by design.
_ON_OWN: Final = (
    "OK",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "INVALID_ARGUMENT",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
)


@dataclass
class Proof:
    """What was done and what was found."""

    methods: int = 0
    identities: int = 0
    shapes: int = 0
    calls: int = 0
    denied: int = 0
    leaks: list[str] = field(default_factory=list)
    """Bytes that came to whom they must not, and answers that tell too much."""
    sent: set[str] = field(default_factory=set)
    """What attackers wrote into their own resources themselves, and may read there."""

    def __str__(self) -> str:
        return (
            f"methods={self.methods} identities={self.identities} shapes={self.shapes} "
            f"calls={self.calls} denied={self.denied} leaks={len(self.leaks)}"
        )

    def look(self, what: str, answer: Answer, request: Message, victim: Planted) -> None:
        """Count an answer, and find in it what is the victim's and was not sent."""
        self.calls += 1
        self.denied += answer.code != grpc.StatusCode.OK
        sent, came = request.SerializeToString(), answer.everything
        for mark in victim.marks - self.sent:
            if mark.encode() in came and mark.encode() not in sent:
                self.leaks.append(f"{what}: {mark} came out: {answer.code} {answer.message}")


def by_harm(methods: Iterable[str]) -> list[str]:
    """Return methods with those last that take something away, and containers after contents."""
    order = ("Cancel", "Decide", "Remove", "Revoke", "DeleteConnection", "DeleteProject")

    def rank(short: str) -> tuple[int, str]:
        name = short.partition("/")[2]
        if not name.startswith(_DESTRUCTIVE):
            return (-1, short)
        known = [n for n, start in enumerate(order) if name.startswith(start)]
        return (known[0] if known else len(order), short)

    return sorted(methods, key=rank)


async def control_group(world: World) -> list[str]:
    """Call every method as whoever may; return what is wrong with the calls that did not get in."""
    wrong = []
    for short in by_harm(world.mesh.methods):
        method = world.mesh.methods[short]
        request = requests.valid(short, method, world.control)
        answer = await world.mesh.call(short, request, world.rightful(method))
        if answer.code not in (grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION):
            wrong.append(
                f"{short} has no request that gets through ({answer.code.name}: {answer.message}); "
                "say in EXCEPTIONS of tests/isolation/requests.py what a valid one holds"
            )
    return wrong


async def names_of_the_victim(world: World, people: list[Who], proof: Proof) -> None:
    """Call every method with the victim's names, existing and not, as everybody who must not."""
    await _all(
        lambda who=who, short=short: _refused_alike(world, who, short, proof)  # type: ignore[misc]
        for who in people
        for short in by_harm(world.mesh.methods)
    )


async def _refused_alike(world: World, who: Who, short: str, proof: Proof) -> None:
    method = world.mesh.methods[short]
    if who.may(method):
        return
    request = requests.valid(short, method, world.victim)
    if method.access and method.access.own_credential:
        request = requests.with_wrong_credential(request, world.own)
    what = f"{short} as {who.name}"
    answer = await world.mesh.call(short, request, who.metadata)
    proof.look(what, answer, request, world.victim)
    allowed = _allowed(who, method)
    if answer.code.name not in allowed:
        proof.leaks.append(f"{what}: {answer.code.name} {answer.message}, not {allowed}")
    asked = getattr(request, requests.resource_field(method), "")
    for name, other in requests.missing(request, method):
        absent = await world.mesh.call(short, other, who.metadata)
        proof.look(f"{what}, of what there is not", absent, other, world.victim)
        if _without(answer, asked) != _without(absent, name):
            proof.leaks.append(
                f"{what}: what exists is told from what does not: "
                f"{_without(answer, asked)} and {_without(absent, name)}"
            )


def _allowed(who: Who, method: Method) -> tuple[str, ...]:
    if method.access and method.access.own_credential:
        return ("PERMISSION_DENIED",)  # whoever asks: the credential is in the request
    if is_free(method) and who.code != "UNAUTHENTICATED":
        return ("OK", who.code)
    return (who.code,)


def _without(answer: Answer, name: str) -> tuple[str, str, str]:
    """Return what an answer tells, less the name that was asked for."""
    details = str(answer.details).replace(name, "…") if name else str(answer.details)
    message = answer.message.replace(name, "…") if name else answer.message
    return answer.code.name, message, details


async def own_resource(world: World, own: Planted, who: Who, proof: Proof, victim: Planted) -> None:
    """Call every method on one's own resource with the victim's strings everywhere else."""
    for short in by_harm(world.mesh.methods):
        method = world.mesh.methods[short]
        await _all(
            lambda what=what, request=request, short=short: _harmless(  # type: ignore[misc]
                world, who, short, what, request, proof, victim
            )
            for what, request in _foreign(short, method, own, victim)
        )


def _foreign(
    short: str, method: Method, own: Planted, victim: Planted
) -> Iterator[tuple[str, Message]]:
    base = requests.valid(short, method, own)
    for where, text, request in requests.with_foreign(base, method, victim):
        yield f"{where}={text[:40]}", request
    base = requests.valid(short, method, own)
    yield "every field", requests.with_all_foreign(base, method, victim)


async def _harmless(
    world: World,
    who: Who,
    short: str,
    what: str,
    request: Message,
    proof: Proof,
    victim: Planted,
) -> None:
    written = request.SerializeToString()
    proof.sent |= {mark for mark in victim.marks if mark.encode() in written}
    answer = await world.mesh.call(short, request, who.metadata)
    told = f"{short} with {what} as {who.name}"
    proof.look(told, answer, request, victim)
    if answer.code.name not in _ON_OWN:
        proof.leaks.append(f"{told}: {answer.code.name} {answer.message}")


async def _all(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Make calls, some at a time."""
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(call: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await call()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))
