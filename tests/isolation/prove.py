"""The whole proof, from a mesh that is made for it to the figures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from adjutant.event.v1 import event_pb2  # noqa: F401  # frames hold it
from adjutant.notification.v1 import subscription_service_pb2
from tests.isolation import who
from tests.isolation.planted import Planted
from tests.isolation.proof import Proof, control_group, names_of_the_victim, own_resource
from tests.isolation.wire import Mesh
from tests.isolation.world import World, make_world
from tests.support.identities import bearer
from tests.support.reflection import HEALTH, REFLECTION, services_of


async def prove(folder: Path) -> tuple[Proof, list[str]]:
    """Return what was found, and what is wrong with the control group."""
    proof = Proof()
    async with make_world(folder) as world:
        proof.methods = len(world.mesh.methods)
        people = await _everybody(world)
        async with _listening(world, proof):
            await names_of_the_victim(world, people, proof)
            await _victim_works(world)
        insiders = _insiders(world)
        for own, person, victim in insiders:
            await own_resource(world, own, person, proof, victim)
        proof.identities = len(people) + len(insiders)
        proof.shapes = proof.shapes + 4
        await _infrastructure(world, proof)
        return proof, await control_group(world)


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
    from tests.isolation.planted import plant_work

    await plant_work(world.mesh, world.victim)
    await asyncio.sleep(0.5)


async def _infrastructure(world: World, proof: Proof) -> None:
    """Look at what everybody may ask: that there is nothing else, and nothing of anybody in it."""
    for channel in world.mesh.channels:
        for service in await services_of(channel):
            if service.startswith("grpc.") and service not in (HEALTH, REFLECTION):
                proof.leaks.append(f"{service} is open to everybody; is that meant?")
