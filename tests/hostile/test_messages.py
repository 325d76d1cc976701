"""Whatever a message holds, its answer is one that was designed."""

import asyncio
import os
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.mesh.access.contract import Method
from tests.hostile.messages import messages, mutated
from tests.isolation import requests
from tests.isolation.wire import Mesh, Metadata
from tests.isolation.world import World, make_world
from tests.support.identities import bearer, owner_token

EXAMPLES = int(os.environ.get("EXAMPLES", "1500"))
PATIENCE_S = 30
BROKEN = (
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.DATA_LOSS,
)
_HYPOTHESIS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    # What was done to a mesh stays done, so that the same request is answered otherwise later.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(180)
async def test_any_message_gets_an_answer_that_was_designed(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await asyncio.to_thread(_attack, world, asyncio.get_running_loop())


def _attack(world: World, loop: asyncio.AbstractEventLoop) -> None:
    """Make requests up in a thread, and call in the loop in which the mesh runs."""
    names = [*world.victim.strings, *world.control.strings, world.own.project]
    owner = bearer(owner_token(world.data_dir))

    @_HYPOTHESIS
    @given(st.data())
    def any_message(data: Any) -> None:
        short = data.draw(st.sampled_from(sorted(world.mesh.methods)))
        method = world.mesh.methods[short]
        content = data.draw(messages(method.request, names)).SerializeToString()
        right = requests.valid(short, method, world.control)
        match data.draw(st.sampled_from(("any", "right", "any on a right one"))):
            case "right":
                content = right.SerializeToString()
            case "any on a right one":  # of two values of a field the last one counts
                content = content + _resource_alone(right, method)
        if data.draw(st.booleans()):
            content = data.draw(mutated(content))
        for metadata in (owner, ()):
            work = _designed(world.mesh, short, content, metadata)
            asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)

    any_message()


def _resource_alone(request: Message, method: Method) -> bytes:
    """Return a request's resource and nothing else."""
    alone: Any = type(request)()
    if where := requests.resource_field(method):
        setattr(alone, where, getattr(request, where))
    return alone.SerializeToString()  # type: ignore[no-any-return]


async def _designed(mesh: Mesh, short: str, content: bytes, metadata: Metadata) -> None:
    answer = await mesh.call(short, content, metadata)
    told = f"{short} answers {answer.code} {answer.message!r} to {content.hex()}"
    assert answer.code not in BROKEN, told
    if answer.code is not grpc.StatusCode.OK:
        assert answer.reason.startswith("adjutant/"), told
