"""Two replicas of each service on one data directory: shared work, kills, and pauses."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as states
from adjutant_messages.adjutant.event.v1 import Event
from services.client import Adjutant
from services.mesh.due import LOOK_AGAIN_S
from tests.support.mesh import PROJECT, Caller
from tests.support.processes import LiveMesh, live_mesh
from tests.support.stores import on_both_stores

LEASE_TTL_S = 2.0
RECONCILE_S = 1.0
JOB_S = 2.0
MOVED_WITHIN_S = LEASE_TTL_S + RECONCILE_S + 15.0
"""From a kill to the next news of its work: the lease, the next look, and a busy machine."""
PATIENCE_S = 60.0
REPLICAS = ("", "-1")
STEP = """- [ ] work
  run: echo begun >> {count}; sleep {seconds}; echo done >> {count}
"""


class Pair:
    """A mesh of two replicas, a client of both, and a caller of each."""

    def __init__(self, mesh: LiveMesh, first: Caller, client: Adjutant) -> None:
        self.mesh = mesh
        self.client = client
        self.callers = (first, Caller(mesh.port_base + 10, mesh.data_dir))

    async def submit(self, count: Path, seconds: float = 0) -> str:
        """Hand in a task of one step, and return its name."""
        task = await self.client.tasks.submit(STEP.format(count=count, seconds=seconds))
        return task.name

    async def story(self, name: str) -> list[Event]:
        """Follow a task to its end, through whatever replica answers."""
        async with asyncio.timeout(PATIENCE_S):
            frames = [frame async for frame in self.client.tasks.watch(name)]
        return [frame.event for frame in frames if frame.event is not None]

    async def holder(self, service: str, name: str) -> str:
        """Wait until a replica of a service says that it works on something; return its part.

        Where both have said so, it is the one that said so last.
        """
        doing = "worked on" if service == "orchestrator" else "looked after"
        found: list[tuple[str, str]] = []

        def look() -> bool:
            found[:] = [
                (line, part)
                for part in (service + replica for replica in REPLICAS)
                for line in self.mesh.log_of(part).splitlines()
                if f"{name} is {doing} here" in line
            ]
            return bool(found)

        await until(look)
        return max(found)[1]  # lines begin with their time

    def other(self, part: str) -> str:
        """Return the other replica of the same service."""
        return part.removesuffix("-1") if part.endswith("-1") else f"{part}-1"

    def caller(self, part: str) -> Caller:
        """Return a caller of a replica alone."""
        return self.callers[part.endswith("-1")]


@pytest.fixture
async def pair(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[Pair]:
    settings = {
        "ADJUTANT_REPLICAS": "2",
        "ADJUTANT_LEASE_TTL_S": str(LEASE_TTL_S),
        "ADJUTANT_RECONCILE_INTERVAL_S": str(RECONCILE_S),
        "ADJUTANT_JOB_HEARTBEAT_S": "0.5",
        **{f"ADJUTANT_{name.upper()}": value for name, value in mesh_store.items()},
    }
    async with live_mesh(tmp_path / "data", **settings) as (mesh, caller):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADJUTANT_DATA_DIR", str(mesh.data_dir))
            client = Adjutant(client=PROJECT.split("/")[1], project=PROJECT.split("/")[3])
        async with client:
            pair = Pair(mesh, caller, client)
            try:
                yield pair
            finally:
                mesh.resume_all()
                await pair.callers[1].close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happened():
            await asyncio.sleep(0.05)


def run_of(task: str) -> str:
    """Return the name of the first attempt of a task's first step."""
    return task.replace("/tasks/", "/runs/") + "-1-1"


def ids(events: list[Event]) -> list[str]:
    return [event.event_id for event in events]


def _time_of(event: Event) -> float:
    """Return when an event was, in seconds since the epoch."""
    assert event.time is not None
    return event.time.timestamp()


async def _is_as_recorded(
    pair: Pair, name: str, seen: list[Event], caller: Caller | None = None
) -> None:
    recorded = [event.event_id for event in await (caller or pair.callers[0]).story(name)]
    assert ids(seen) == recorded, "every event, once and in order"
    assert len(recorded) == len(set(recorded))


@pytest.mark.timeout(240)
async def test_both_replicas_get_work(pair: Pair, tmp_path: Path) -> None:
    names = [await pair.submit(tmp_path / f"count-{n}", seconds=0.2) for n in range(16)]
    for n, story in enumerate(await asyncio.gather(*(pair.story(name) for name in names))):
        await _is_as_recorded(pair, names[n], story)
        assert (tmp_path / f"count-{n}").read_text().split() == ["begun", "done"]
    for service in ("orchestrator", "agent_runner"):
        for replica in REPLICAS:
            assert " here" in pair.mesh.log_of(service + replica), f"{service}{replica} did some"


@pytest.mark.timeout(240)
@on_both_stores
async def test_what_a_killed_replica_did_is_gone_on_with(pair: Pair, tmp_path: Path) -> None:
    count = tmp_path / "count"
    name = await pair.submit(count, seconds=JOB_S)
    watching = asyncio.create_task(pair.story(name))
    runner = await pair.holder("agent_runner", run_of(name))
    orchestrator = await pair.holder("orchestrator", name)
    await until(lambda: count.exists())
    pair.mesh.pause("up")  # nobody starts them again
    for part in (runner, orchestrator):
        await pair.mesh.kill(part)
    killed_at = time.time()
    looked_after = f"{run_of(name)} is looked after here"
    await until(lambda: looked_after in pair.mesh.log_of(pair.other(runner)))
    adopted_after_s = time.time() - killed_at

    seen = await watching
    pair.mesh.resume("up")
    news = [at for at in map(_time_of, seen) if at > killed_at]
    print(f"adopted {adopted_after_s:.1f} s after the kill, next event {news[0] - killed_at:.1f} s")
    assert adopted_after_s < MOVED_WITHIN_S
    assert news[0] - killed_at < MOVED_WITHIN_S
    assert seen[-1].task_state_changed is not None
    assert int(seen[-1].task_state_changed.state) == states.TASK_STATE_COMPLETED
    assert count.read_text().split() == ["begun", "done"], "the step ran once"
    survivor = pair.caller(pair.other(orchestrator))
    await _is_as_recorded(pair, name, seen, survivor)


@pytest.mark.timeout(240)
async def test_an_orchestrator_that_slept_past_its_lease_cannot_write(
    pair: Pair, tmp_path: Path
) -> None:
    runners = ("agent_runner", "agent_runner-1")
    for runner in runners:
        pair.mesh.pause(runner)  # so that the pass waits for an answer, with the lease in hand
    count = tmp_path / "count"
    name = await pair.submit(count)
    await _step_is_running(pair.callers[0], name)
    sleeper = await pair.holder("orchestrator", name)
    awake = pair.caller(pair.other(sleeper))
    pair.mesh.pause(sleeper)
    for runner in runners:
        pair.mesh.resume(runner)

    done = await awake.finished(name, timeout_s=PATIENCE_S)
    assert done.state == states.TASK_STATE_COMPLETED
    await asyncio.sleep(LOOK_AGAIN_S + 1)  # its checkpoints are compacted after its end
    done, before = await awake.task(name), await awake.story(name)
    pair.mesh.resume(sleeper)
    await until(lambda: _was_refused(pair.mesh.log_of(sleeper), name))
    await asyncio.sleep(LEASE_TTL_S)

    after = await awake.task(name)
    assert (after.etag, after.state) == (done.etag, done.state), "the record is as it was"
    assert [event.event_id for event in await awake.story(name)] == [
        event.event_id for event in before
    ]
    assert count.read_text().split() == ["begun", "done"], "the step ran once"
    runs = await awake.runs.ListRuns(run_service_pb2.ListRunsRequest(parent=PROJECT))
    assert [run.name for run in runs.runs] == [run_of(name)], "there is no second run"


async def _step_is_running(caller: Caller, name: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await caller.task(name)).steps[:1] == [] or (
            (await caller.task(name)).steps[0].state != states.STEP_STATE_RUNNING
        ):
            await asyncio.sleep(0.05)


def _was_refused(log: str, name: str) -> bool:
    """Tell whether a replica's write was refused, or it saw before it wrote that it had lost."""
    refusals = (
        "this write is refused",
        "lapsed; whoever holds it now goes on",
        "another replica looks after",
        "somebody else took the lease",
    )
    identity = name.rpartition("/")[2]
    return any(
        identity in line and any(each in line for each in refusals) for line in log.splitlines()
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("wakes", ["while the job runs", "after its end"])
async def test_a_runner_that_slept_past_its_lease_cannot_write(
    pair: Pair, tmp_path: Path, wakes: str
) -> None:
    count = tmp_path / "count"
    name = await pair.submit(count, seconds=12 if wakes == "while the job runs" else 5)
    run = run_of(name)
    sleeper = await pair.holder("agent_runner", run)
    heir = pair.other(sleeper)
    awake = pair.caller(heir)
    await until(lambda: count.exists())
    pair.mesh.pause(sleeper)
    await until(lambda: f"{run} is looked after here" in pair.mesh.log_of(heir))
    if wakes == "after its end":
        await _run_ended(awake, run)
    pair.mesh.resume(sleeper)
    ended = await _run_ended(awake, run)
    await until(lambda: _was_refused(pair.mesh.log_of(sleeper), run))

    after = (await awake.runs.GetRun(run_service_pb2.GetRunRequest(name=run))).run
    assert after.etag == ended.etag, "the record is as it was"
    assert after.state == run_states.RUN_STATE_SUCCEEDED
    assert count.read_text().split() == ["begun", "done"], "the job ran once"
    seen = await pair.story(name)
    await _is_as_recorded(pair, name, seen)
    ends = [e for e in seen if e.resource == run and e.run_state_changed is not None]
    assert sum(e.run_state_changed.state == after.state for e in ends if e.run_state_changed) == 1


async def _run_ended(caller: Caller, name: str) -> run_pb2.Run:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            run = (await caller.runs.GetRun(run_service_pb2.GetRunRequest(name=name))).run
            if run.HasField("end_time"):
                return run  # type: ignore[no-any-return]
            await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_calls_go_around_a_paused_replica(pair: Pair, tmp_path: Path) -> None:
    name = await pair.submit(tmp_path / "count")
    await pair.story(name)
    for _ in range(6):
        await pair.client.tasks.get(name)  # both are connected to now
    pair.mesh.pause("orchestrator")
    found = await asyncio.gather(*(pair.client.tasks.get(name) for _ in range(8)))
    assert {task.name for task in found} == {name}


async def test_a_call_during_a_kill_is_answered(pair: Pair, tmp_path: Path) -> None:
    name = await pair.submit(tmp_path / "count")
    await pair.story(name)
    pair.mesh.pause("up")
    calls = [asyncio.create_task(_ask(pair, name)) for _ in range(4)]
    await asyncio.sleep(0.2)
    pid = pair.mesh.pid_of("orchestrator")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert all(await asyncio.gather(*calls))


async def _ask(pair: Pair, name: str) -> bool:
    end = time.monotonic() + 1.5
    answered = 0
    while time.monotonic() < end:
        answered += (await pair.client.tasks.get(name)).name == name
    return answered > 0
