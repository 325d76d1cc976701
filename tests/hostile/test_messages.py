"""Whatever a message holds, its answer is one that was designed."""

import asyncio
import faulthandler
import os
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.orchestrator.v1 import project_pb2, project_service_pb2
from services.mesh.access.contract import Method
from tests.hostile.messages import messages, mutated
from tests.isolation import requests
from tests.isolation.wire import CALL_TIMEOUT_S, Metadata
from tests.isolation.world import World, make_world
from tests.support.identities import bearer, owner_token

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "1500"))
PATIENCE_S = 30
"""Seconds for a call that has a limit of its own: the loop does not run if it takes longer."""
QUIET_S = 1.0
"""Seconds for which a stream is listened to that may have nothing to say."""
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


# The mesh, in its own thread, may use `random` while a message is made up in this one.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.timeout(180)
async def test_any_message_gets_an_answer_that_was_designed(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await asyncio.to_thread(_attack, world, asyncio.get_running_loop())


async def test_what_was_found_once_is_answered_by_design(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        owner = bearer(owner_token(world.data_dir))
        group = project_pb2.Project(group=world.control.names[6])
        of_nobody = project_service_pb2.CreateProjectRequest(project_id="x", project=group)
        beyond = run_service_pb2.TailLogsRequest(
            name=world.control.names[1], offset_bytes=2**63 - 1
        )
        answer = await world.mesh.call("ProjectService/CreateProject", of_nobody, owner)
        assert answer.reason == "adjutant/INVALID_REQUEST"
        answer = await world.mesh.call("RunService/TailLogs", beyond, owner)
        assert (answer.code, answer.bodies) == (grpc.StatusCode.OK, ())


async def test_a_followed_log_may_be_silent_and_nothing_else(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        owner = bearer(owner_token(world.data_dir))
        beyond = run_service_pb2.TailLogsRequest(
            name=world.victim.values["live_run"], offset_bytes=2**40, follow=True
        )
        with pytest.raises(TimeoutError):
            await world.mesh.call("RunService/TailLogs", beyond, owner, QUIET_S)
        content = beyond.SerializeToString()
        await _designed(world, "RunService/TailLogs", content, owner)
        await _designed(world, "RunService/TailLogs", content, ())
        del world.victim.values["live_run"]  # as though that run had ended
        with pytest.raises(AssertionError, match=f"RunService/TailLogs .* {content.hex()}"):
            await _designed(world, "RunService/TailLogs", content, owner, patience_s=QUIET_S)


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
            work = _designed(world, short, content, metadata)
            try:
                asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)
            except TimeoutError:
                faulthandler.dump_traceback(2)  # standard error
                told = f"the loop stands still, last called: {short} with {content.hex()}"
                raise AssertionError(told) from None

    any_message()


def _resource_alone(request: Message, method: Method) -> bytes:
    """Return a request's resource and nothing else."""
    alone: Any = type(request)()
    if where := requests.resource_field(method):
        setattr(alone, where, getattr(request, where))
    return alone.SerializeToString()  # type: ignore[no-any-return]


async def _designed(
    world: World,
    short: str,
    content: bytes,
    metadata: Metadata,
    patience_s: float = CALL_TIMEOUT_S,
) -> None:
    may_wait = bool(metadata) and _may_wait(world, short, content)
    first_s = QUIET_S if may_wait else patience_s
    try:
        answer = await world.mesh.call(short, content, metadata, first_s)
    except TimeoutError:
        assert may_wait, f"{short} says nothing for {first_s:g} s to {content.hex()}"
        return
    told = f"{short} answers {answer.code} {answer.message!r} to {content.hex()}"
    assert answer.code not in BROKEN, told
    if answer.code is not grpc.StatusCode.OK:
        assert answer.reason.startswith("adjutant/"), told


def _may_wait(world: World, short: str, content: bytes) -> bool:
    """Tell whether this follows the log of a run that goes on, from where it may not be yet."""
    if short != "RunService/TailLogs":
        return False
    try:
        request = run_service_pb2.TailLogsRequest.FromString(content)
    except DecodeError:
        return False
    live = [planted.values.get("live_run") for planted in (world.victim, world.control)]
    return request.follow and request.offset_bytes > 0 and request.name in live
