"""At every step of a running plan a process is killed; nothing is lost or done twice.

`make chaos` kills at random moments, for as long as one likes; this is the plain story of it.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import task_pb2
from tests.chaos.witness import Listener, Moment, on_project
from tests.support.mesh import FINAL, PROJECT, Caller, git, make_repository
from tests.support.processes import LiveMesh, live_mesh

T = TypeVar("T")
VICTIMS = ("orchestrator", "agent_runner", "notification", "nats", "spawner", "up")
TASKS = 3
"""With ten kills each: every process five times, at five of the ten moments."""
PLAN = """# Two files and their sum
## Write
- [ ] write a
  run: echo begun >> {count}/a; sleep 0.4; echo a > a.txt; echo done >> {count}/a
- [ ] write b
  run: echo begun >> {count}/b; sleep 0.8; echo b > b.txt; echo done >> {count}/b
## Join
- [ ] join
  run: echo begun >> {count}/c; sleep 0.4; cat a.txt b.txt > c.txt; echo done >> {count}/c
"""


def _step(number: int, state: int) -> Moment:
    return lambda event: (
        event.step_state_changed.step.number == number
        and event.step_state_changed.step.state == state
    )


def _run(suffix: str, state: int) -> Moment:
    return lambda event: event.resource.endswith(suffix) and event.run_state_changed.state == state


MOMENTS: dict[str, Moment] = {
    "accepted": lambda event: event.task_state_changed.state == states.TASK_STATE_QUEUED,
    "orchestrating": lambda event: (
        event.task_state_changed.state == states.TASK_STATE_ORCHESTRATING
    ),
    "steps started": _step(2, states.STEP_STATE_RUNNING),
    "agent running": _run("-1-1", run_states.RUN_STATE_RUNNING),
    "agent ended": _run("-1-1", run_states.RUN_STATE_SUCCEEDED),
    "last step started": _step(3, states.STEP_STATE_RUNNING),
    "last step ended": _step(3, states.STEP_STATE_SUCCEEDED),
    "approval asked": lambda event: event.HasField("approval_requested"),
    "approval given": lambda event: event.HasField("approval_resolved"),
    "committing": _run("-commit-1-1", run_states.RUN_STATE_RUNNING),
}


@pytest.mark.timeout(480)
async def test_whatever_is_killed_the_task_completes_and_every_event_is_seen_once(
    tmp_path: Path,
) -> None:
    repo = make_repository(tmp_path / "repo")
    async with live_mesh(tmp_path / "data") as (mesh, caller):
        listener = Listener("who follows the project", on_project([caller], PROJECT))
        listening = asyncio.create_task(listener.run())
        victims = itertools.cycle(VICTIMS)
        for number in range(TASKS):
            count = tmp_path / f"count-{number}"
            count.mkdir()
            task = await _run_while_killing(mesh, caller, listener, victims, count, repo)
            await _check(caller, listener, task, count, repo)
        listening.cancel()
        assert listener.cut_off > 0, "the listener itself was cut off too"
        assert not listener.complaints
        async with asyncio.timeout(20):
            while mesh.jobs_left():
                await asyncio.sleep(0.05)


async def _run_while_killing(
    mesh: LiveMesh,
    caller: Caller,
    listener: Listener,
    victims: Iterator[str],
    count: Path,
    repo: Path,
) -> task_pb2.Task:
    task = await caller.submit(PLAN.format(count=count), repo)
    for name, moment in MOMENTS.items():
        await _heard(listener, task.name, moment)
        await mesh.kill(next(victims))
        if name == "approval asked":
            await _approve(caller, task.name)
    final = lambda event: event.task_state_changed.state in FINAL  # noqa: E731
    await _heard(listener, task.name, final)
    return task


async def _heard(listener: Listener, task: str, moment: Moment) -> None:
    async with asyncio.timeout(60):
        await listener.until(lambda event: event.task == task and moment(event))


async def _approve(caller: Caller, task: str) -> None:
    """Answer as a person would: again, until the service is back."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                approval = await caller.pending_approval(task)
                await caller.decide(approval, "APPROVE")
                return
            await asyncio.sleep(0.1)


async def _check(
    caller: Caller, listener: Listener, task: task_pb2.Task, count: Path, repo: Path
) -> None:
    done = await _again(lambda: caller.task(task.name))
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    for step in ("a", "b", "c"):
        assert (count / step).read_text().split() == ["begun", "done"], f"step {step} ran once"
    assert git(repo, "show", f"{done.commit.branch}:c.txt") == "a\nb"
    assert git(repo, "rev-list", "--count", f"main..{done.commit.branch}") == "1"

    seen = listener.story(task.name)
    assert len(seen) == len(set(seen)), "no event came twice"
    recorded = await _again(lambda: caller.story(task.name))
    assert seen == [event.event_id for event in recorded], "every event, in order"
    changes = [e.task_state_changed for e in recorded if e.HasField("task_state_changed")]
    assert sum(change.state in FINAL for change in changes) == 1


async def _again(call: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
