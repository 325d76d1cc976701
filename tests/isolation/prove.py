"""The whole proof, from a mesh that is made for it to the figures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from adjutant.notification.v1 import subscription_service_pb2
from tests.isolation import requests, who
from tests.isolation.planted import Planted, plant_work
from tests.isolation.proof import Proof, control_group, names_of_the_victim, own_resource
from tests.isolation.watched import Watched
from tests.isolation.wire import Mesh
from tests.isolation.world import World, make_world
from tests.support.identities import bearer
from tests.support.reflection import HEALTH, REFLECTION, services_of

SHAPES = (
    "the victim's names",
    "a name of what is not there, in the victim's project",
    "the same in a project that is not there",
    "the same in a client that is not there",
    "one's own resource, and a string of the victim's in one other field",
    "one's own resource, and strings of the victim's in all others",
)


async def prove(folder: Path) -> tuple[Proof, list[str]]:
    """Return what was found, and what is wrong with the control group."""
    proof, watched = Proof(), Watched()
    async with make_world(folder) as world:
        proof.methods = len(world.mesh.methods)
        people = await _everybody(world)
        before = await _snapshot(world)
        async with _listening(world, proof):
            await names_of_the_victim(world, people, proof)
            await _victim_works(world)
        insiders = _insiders(world)
        for own, person, victim in insiders:
            await own_resource(world, own, person, proof, victim)
        after = await _snapshot(world)
        proof.leaks += [
            f"{short} gives the victim another answer than before"
            for short, answer in before.items()
            if answer != after[short]
        ]
        proof.identities = len(people) + len(insiders)
        proof.shapes = len(SHAPES)
        await _infrastructure(world, proof)
        wrong = await control_group(world)
        _look_at(watched, world, proof)
        return proof, wrong


def _look_at(watched: Watched, world: World, proof: Proof) -> None:
    """Look for anybody's texts in what operators see; names of resources are none."""
    spans, labels = watched.spans(), watched.labels()
    assert spans, "no span was recorded, so nothing is known of them"
    assert labels, "nothing was counted, so nothing is known of labels"
    for planted in (world.victim, world.own, world.control):
        for mark in planted.texts:
            proof.leaks += [f"{mark} in the span {s}" for s in spans if mark in s]
            proof.leaks += [f"{mark} in the metric {s}" for s in labels if mark in s]


async def _everybody(world: World) -> list[who.Who]:
    victim = world.victim
    return [
        *who.unknown(world.issuer, world.folder, victim),
        *await who.ended(world.mesh, victim),
        *who.strangers(world.issuer, world.data_dir, world.own, world.sibling, victim),
        *who.limited(world.issuer, world.data_dir, world.roles),
    ]


def _insiders(world: World) -> list[tuple[Planted, who.Who, Planted]]:
    """Return who may do something somewhere: where, who, and whose names they try there."""
    sibling = world.issuer.token(who.sibling_subject(world.sibling))
    foreign, own = world.owner_of(world.own), world.own
    return [
        (own, who.Who("the owner of another client", bearer(foreign), ""), world.victim),
        (own, who.Who("another client's key", bearer(own.values["key_token"]), ""), world.victim),
        (world.sibling, who.Who("the sibling's owner", bearer(sibling), ""), world.victim),
    ]


@contextlib.asynccontextmanager
async def _listening(world: World, proof: Proof) -> AsyncIterator[None]:
    """Subscribe to one's own projects meanwhile; nothing of the victim's may come."""
    sibling = world.issuer.token(who.sibling_subject(world.sibling))
    listeners = [
        asyncio.create_task(_listen(world.mesh, world.own, world.owner_of(world.own))),
        asyncio.create_task(_listen(world.mesh, world.sibling, sibling)),
    ]
    try:
        yield
    finally:
        for listener in listeners:
            listener.cancel()
        heard = await asyncio.gather(*listeners)
    for frames in heard:
        proof.calls += 1
        for mark in world.victim.marks:
            if any(mark.encode() in frame for frame in frames):
                proof.leaks.append(f"{mark} came to a subscriber of another project")
        if not frames:
            proof.leaks.append("a subscriber heard nothing at all, not even of his own")


async def _listen(mesh: Mesh, planted: Planted, token: str) -> list[bytes]:
    request = subscription_service_pb2.SubscribeRequest(parent=planted.project, from_start=True)
    stream: Any = mesh.channels[-1].unary_stream(mesh.methods["SubscriptionService/Subscribe"].path)
    frames: list[bytes] = []
    call = stream(request.SerializeToString(), metadata=bearer(token))
    with contextlib.suppress(asyncio.CancelledError):
        async for frame in call:
            frames.append(frame)
    return frames


async def _victim_works(world: World) -> None:
    """Let something happen in the victim's project, and give it time to reach others."""
    await plant_work(world.mesh, world.victim)
    await asyncio.sleep(0.5)


async def _snapshot(world: World) -> dict[str, tuple[bytes, ...]]:
    """Return what the victim's owner sees of the resources that were attacked."""
    token = bearer(world.owner_of(world.victim))
    seen = {}
    for short, method in world.mesh.methods.items():
        if "/Get" in short and short != "IdentityService/GetIdentity":
            request = requests.valid(short, method, world.victim)
            if "since_time" in request.DESCRIPTOR.fields_by_name:
                _set_since(request)
            answer = await world.mesh.call(short, request, token)
            assert answer.code.name == "OK", f"{short}: {answer.message}"
            seen[short] = answer.bodies
    return seen


def _set_since(request: Any) -> None:
    """Ask from the same moment each time: where none is named, it moves with the clock."""
    request.since_time.FromSeconds(1)


async def _infrastructure(world: World, proof: Proof) -> None:
    """Look at what everybody may ask: that there is nothing else, and nothing of anybody in it."""
    for channel in world.mesh.channels:
        for service in await services_of(channel):
            if service.startswith("grpc.") and service not in (HEALTH, REFLECTION):
                proof.leaks.append(f"{service} is open to everybody; is that meant?")
            proof.leaks += [
                f"{mark} in what health says of {service}"
                for mark in world.victim.marks
                if mark.encode() in await _health(channel, service)
            ]


async def _health(channel: grpc.aio.Channel, service: str) -> bytes:
    """Return all that anybody is told of a service's health."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    except grpc.aio.AioRpcError as error:
        return repr(error).encode()
    return bytes(answer.SerializeToString())
