"""The main job on MongoDB: the same answers, the same events, whatever dies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pymongo
import pytest

from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from tests.support.errors import reason_of
from tests.support.mesh import FINAL, Caller, git, mesh_in_process
from tests.support.mongo import MongoOfOne, require_server
from tests.support.processes import LiveMesh, live_mesh

PLAN = """# Two files and their sum
## Write
- [ ] write a
  run: echo begun >> {count}/a; sleep 1; echo a > a.txt; echo done >> {count}/a
- [ ] write b
  run: echo begun >> {count}/b; echo b > b.txt; echo done >> {count}/b
## Join
- [ ] join
  run: echo begun >> {count}/c; cat a.txt b.txt > c.txt; echo done >> {count}/c
"""


@pytest.fixture
def count(tmp_path: Path) -> Path:
    (tmp_path / "count").mkdir()
    return tmp_path / "count"


@contextlib.asynccontextmanager
async def processes(
    data_dir: Path, url: str, database: str
) -> AsyncIterator[tuple[LiveMesh, Caller]]:
    environ = {
        "ADJUTANT_STORE": "mongo",
        "ADJUTANT_MONGO_URL": url,
        "ADJUTANT_MONGO_DATABASE": database,
    }
    async with live_mesh(data_dir, **environ) as running:
        yield running


async def approved(caller: Caller, task: str, timeout_s: float = 60) -> None:
    """Answer as a person would: again, until the services are back."""
    async with asyncio.timeout(timeout_s):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                approval = await caller.pending_approval(task, timeout_s)
                await caller.decide(approval, "APPROVE")
                return
            await asyncio.sleep(0.1)


async def ended(caller: Caller, task: str, timeout_s: float = 60) -> list[event_pb2.Event]:
    """Return the whole story of a task when it has ended."""
    async with asyncio.timeout(timeout_s):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                if (await caller.task(task)).state in FINAL:
                    return await caller.story(task, timeout_s)
            await asyncio.sleep(0.1)


def check(story: list[event_pb2.Event], count: Path) -> None:
    """See that each step ran once, and each event was told once, in order."""
    for step in ("a", "b", "c"):
        assert (count / step).read_text().split() == ["begun", "done"], f"step {step} ran once"
    ids = [event.event_id for event in story]
    assert len(ids) == len(set(ids))
    told = [e.task_state_changed.state for e in story if e.HasField("task_state_changed")]
    assert told[0] == states.TASK_STATE_QUEUED
    assert told[-1] == states.TASK_STATE_COMPLETED
    assert sum(state in FINAL for state in told) == 1
    asked = [bool(event.HasField("approval_requested")) for event in story].index(True)
    answered = [bool(event.HasField("approval_resolved")) for event in story].index(True)
    assert asked < answered


@pytest.mark.timeout(180)
async def test_a_plan_ends_in_a_commit_that_a_person_approved(
    tmp_path: Path, repo: Path, count: Path, mongo_url: str, mongo_settings: dict[str, Any]
) -> None:
    async with mesh_in_process(tmp_path / "data", **mongo_settings) as mesh:
        task = await mesh.caller.submit(PLAN.format(count=count), repo)
        approval = await mesh.caller.pending_approval(task.name, 60)
        assert list(approval.commit.changed_files) == ["a.txt", "b.txt", "c.txt"]
        await mesh.caller.decide(approval, "APPROVE")
        story = await mesh.caller.story(task.name, 60)
        check(story, count)
        done = await mesh.caller.task(task.name)
        assert git(repo, "show", f"{done.commit.sha}:c.txt") == "a\nb"
    assert not list((tmp_path / "data").glob("*/*.db")), "nothing is kept in files beside it"
    prefix = mongo_settings["mongo_database"]
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        kept = client[f"{prefix}_orchestrator"]
        assert kept["tasks"].count_documents({"_id": task.name}) == 1
        assert kept["checkpoints"].count_documents({"thread_id": task.name}) > 0
        assert client[f"{prefix}_agent_runner"]["runs"].count_documents({}) == 4


@pytest.mark.parametrize(("ttl_s", "left"), [(600.0, 1), (0.0, 0)])
async def test_a_finished_task_keeps_its_last_checkpoint_and_then_none(
    tmp_path: Path, mongo_url: str, mongo_settings: dict[str, Any], ttl_s: float, left: int
) -> None:
    database = f"{mongo_settings['mongo_database']}_orchestrator"
    settings = {"checkpoint_ttl_s": ttl_s, **mongo_settings}
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:
        task = await mesh.caller.submit("- [ ] a\n  run: true\n")
        done = await mesh.caller.finished(task.name)
        assert done.state == states.TASK_STATE_COMPLETED
        with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
            kept = client[database]["checkpoints"]
            async with asyncio.timeout(30):
                while kept.count_documents({"thread_id": task.name}) != left:
                    await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_an_orchestrator_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, repo: Path, count: Path, mongo_url: str, mongo_settings: dict[str, Any]
) -> None:
    database = mongo_settings["mongo_database"]
    async with processes(tmp_path / "data", mongo_url, database) as (mesh, caller):
        task = await caller.submit(PLAN.format(count=count), repo)
        await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
        await mesh.kill("orchestrator")
        await approved(caller, task.name)
        await mesh.kill("orchestrator")
        check(await ended(caller, task.name), count)


@pytest.mark.timeout(240)
async def test_a_server_that_is_lost_for_a_while_holds_the_task_up_and_no_more(
    tmp_path: Path, repo: Path, count: Path
) -> None:
    require_server()
    server = MongoOfOne(tmp_path / "mongo")
    await asyncio.to_thread(server.start)
    try:
        async with processes(tmp_path / "data", server.url, "adjutant") as (mesh, caller):
            before = {part: mesh.pid_of(part) for part in ("orchestrator", "agent_runner")}
            task = await caller.submit(PLAN.format(count=count), repo)
            await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
            server.kill()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await caller.task(task.name)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
            assert reason_of(caught.value) == "STORE_UNAVAILABLE"
            await asyncio.to_thread(server.start)
            await approved(caller, task.name)
            check(await ended(caller, task.name), count)
            after = {part: mesh.pid_of(part) for part in before}
            assert after == before, "no service ended for it"
    finally:
        server.stop()
