"""Every call that carries a `request_id` may be repeated: found by reflection, not by hand."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.isolation import requests
from tests.isolation.wire import response_class
from tests.isolation.world import World, make_world

AT_ONCE = 5
OWN_TESTS = {"TaskService/RetryTask": "it takes a task that failed: main_job/test_tasks.py"}
"""Methods that a valid request alone is not enough for, and where they are tested."""


async def test_the_same_request_is_done_once_and_another_body_is_refused(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        repeatable = [
            short
            for short, method in world.mesh.methods.items()
            if "request_id" in method.request.DESCRIPTOR.fields_by_name
        ]
        assert {"TaskService/SubmitTask", "RunService/StartRun"} <= set(repeatable)
        for short in sorted(set(repeatable) - set(OWN_TESTS)):
            await _repeat(world, short)


async def _repeat(world: World, short: str) -> None:
    method = world.mesh.methods[short]
    owner = world.rightful(method)
    request: Any = requests.valid(short, method, world.control)
    request.request_id = "the same"
    # At once, as retries of a call that seemed lost are; then again, much later.
    answers = await asyncio.gather(
        *(world.mesh.call(short, request, owner) for _ in range(AT_ONCE))
    )
    answers += [await world.mesh.call(short, request, owner)]
    assert {answer.code for answer in answers} == {grpc.StatusCode.OK}, (short, answers)
    made = {_made(response_class(method).FromString(each.bodies[0])) for each in answers}
    assert len(made) == 1, f"{short} made {made}"
    if other := requests.with_another_body(request, method):
        refused = await world.mesh.call(short, other, owner)
        assert refused.reason == "adjutant/REQUEST_ID_REUSED", (short, other, refused)


def _made(response: Any) -> str:
    """Return the name of what a response holds: it is the response's first field."""
    ((_, resource), *_) = response.ListFields()
    return str(resource.name)


@pytest.mark.parametrize("short", sorted(OWN_TESTS))
def test_who_is_tested_elsewhere_is(short: str) -> None:
    method, where = short.partition("/")[2], OWN_TESTS[short].rpartition(" ")[2]
    file = Path(__file__).parent / where
    assert method in file.read_text()
