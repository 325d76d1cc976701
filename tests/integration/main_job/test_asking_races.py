"""Questions of tasks that a crash, a pause or somebody else comes in between."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adjutant.common.v1 import approval_pb2 as states
from adjutant.orchestrator.v1 import approval_pb2, approval_service_pb2, task_message_service_pb2
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.identity.local import ensure_secrets
from services.mesh.lease import Lease
from services.mesh.names import new_id
from services.mesh.store import Look, Store, now, open_store_for
from services.orchestrator import conductor
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.approvals.action import Action, PlanActionRecord
from services.orchestrator.approvals.approval import APPROVALS, ApprovalRecord
from services.orchestrator.approvals.asking import Asker
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.ending import Ending
from services.orchestrator.graph import PassStoppedError, asking
from services.orchestrator.graph.asking import Asking
from services.orchestrator.graph.ground import Ground, State
from services.orchestrator.messages.inbox import Settlement
from services.orchestrator.messages.message import MESSAGES, MessageRecord
from services.orchestrator.messages.messages import Messages
from services.orchestrator.plans.planner import ChecklistPlanner
from services.orchestrator.queues import rank
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.lifecycle import cancel_task, retry_task
from services.orchestrator.tasks.results import Results
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, move_task
from services.orchestrator.tenancy.client import CLIENTS, ClientRecord
from services.orchestrator.tenancy.effective import ApprovalRules, Inheritance
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord
from tests.support.mesh import PROJECT as WEB
from tests.support.mesh import Caller, git, mesh_in_process
from tests.support.mongo import databases, mongo_server
from tests.support.stores import ADAPTERS


@pytest.mark.parametrize("answer", ["APPROVE", None])
async def test_what_was_asked_before_a_crash_is_no_answer_to_what_is_asked_after_it(
    caller: Caller, repo: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    first: list[ApprovalRecord] = []
    ask = Asking._ask

    async def ask_and_crash(self: Asking, task: TaskRecord, *rest: Any) -> ApprovalRecord:
        approval = await ask(self, task, *rest)
        if first:
            return approval
        # The question is stored, and the task never learns of it.
        first.append(approval)
        await caller.tell(task.name, "- [ ] more\n  run: echo more > more\n")
        if answer:
            await caller.decide(await caller.pending_approval(task.name), answer)
        raise StoreUnavailableError

    monkeypatch.setattr(Asking, "_ask", ask_and_crash)
    task = await caller.submit("- [ ] one\n  run: echo one > one\n", repo)
    second = await caller.pending_approval(task.name, timeout_s=30)
    async with asyncio.timeout(20):
        while not first or second.name == first[0].name:
            await asyncio.sleep(0.02)
            second = await caller.pending_approval(task.name)
    assert list(second.commit.changed_files) == ["more", "one"]
    before = await approval_of(caller, first[0].name)
    answered = states.APPROVAL_STATE_APPROVED if answer else states.APPROVAL_STATE_DISMISSED
    assert before.state == answered
    await caller.decide(second, "APPROVE")
    done = await caller.finished(task.name)
    assert git(repo, "show", f"{done.commit.sha}:more") == "more"


async def approval_of(caller: Caller, name: str) -> approval_pb2.Approval:
    request = approval_service_pb2.GetApprovalRequest(name=name)
    return (await caller.approvals.GetApproval(request)).approval  # type: ignore[no-any-return]


async def test_a_callers_request_id_cannot_stand_for_a_question_of_a_task(
    caller: Caller, repo: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    run = f"until test -e {ready}; do sleep 0.05; done; echo x > made"
    task = await caller.submit(f"- [ ] one\n  run: {run}\n", repo)
    for request_id in (f"{task.name} asks 1.0", "asks 1.0"):
        request = approval_service_pb2.RequestApprovalRequest(
            parent=WEB, request_id=request_id, tool={"tool_name": "read_file"}
        )
        await caller.approvals.RequestApproval(request)
    ready.touch()
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    assert (await caller.finished(task.name)).commit.sha


async def test_what_is_taken_back_while_a_task_wants_it_is_asked_anew(
    tmp_path: Path, repo: Path
) -> None:
    async with mesh_in_process(tmp_path / "data") as mesh:
        task = await mesh.caller.submit("- [ ] one\n  run: echo x > made\n", repo)
        first = await mesh.caller.pending_approval(task.name)
        options = OrchestratorSettings(data_dir=mesh.data_dir, port_base=mesh.port_base)
        other = await open_store_for(options, COLLECTIONS)
        await Dismissal(other).of_names([first.name], "the event of an end that came late")
        second = await mesh.caller.pending_approval(task.name)
        assert second.name != first.name
        await mesh.caller.decide(second, "APPROVE")
        assert (await mesh.caller.finished(task.name)).commit.sha
        await other.close()


class Paused(Inheritance):
    """Looks up rules, which every question needs, only when the test says so."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, 0)
        self.came, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def approval_rules(self, name: str) -> ApprovalRules:
        self.came.set()
        await self.go_on.wait()
        return await super().approval_rules(name)


class Scene:
    """The parts that ask, on a real store, with a task whose pass is under way."""

    def __init__(self, store: Store, options: OrchestratorSettings) -> None:
        self.store = store
        self.rules = Paused(store)
        self.dismissal = Dismissal(store)
        self.runner = runner = Runner("127.0.0.1:1", options)
        results = Results(store, runner, options, lambda: None)
        self.ending = Ending(store, runner, results, self.dismissal)
        asker = Asker(store, self.rules, options, lambda: None)
        self.asking = Asking(Ground(store, runner), asker)
        self.messages = Messages(store, ChecklistPlanner(), self.dismissal, lambda _: None)

    async def task(self) -> TaskRecord:
        time = now()
        task = TaskRecord(
            name=f"{WEB}/tasks/{new_id()}",
            title="t",
            instructions="- [ ] one\n  run: true\n",
            state="ORCHESTRATING",
            create_time=time,
            update_time=time,
            news_time=time,
            rank=rank.at(time),
            fence=7,
        )
        return (await self.store.insert(TASKS, task)).record

    async def ask(self, task: TaskRecord, fence: int = 7) -> ApprovalRecord:
        state = State(task=task.name, started=[])
        config: Any = {"configurable": {"fence": fence}}
        return await self.asking.answer(state, config, "PLAN", _question)

    async def asked(self, task: TaskRecord) -> list[ApprovalRecord]:
        return [one async for one in self.store.scan(APPROVALS, {"task": (task.name,)})]

    async def change(
        self, task: TaskRecord, change: Callable[[TaskRecord], Events | None], fence: int = 7
    ) -> TaskRecord:
        return await self.store.update(TASKS, task.name, change, fence=fence)


def _question(task: TaskRecord) -> tuple[str, Action]:
    return "Run it", PlanActionRecord(steps=[], complexity="LOW", plan_digest="")


@pytest.fixture(params=ADAPTERS)
async def scene(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    if request.param == "sqlite":
        async with _scene(OrchestratorSettings(data_dir=tmp_path)) as found:
            yield found
        return
    with mongo_server(tmp_path_factory.mktemp("mongo")) as url, databases(url) as where:
        async with _scene(OrchestratorSettings(data_dir=tmp_path, **where)) as found:
            yield found


@contextlib.asynccontextmanager
async def _scene(options: OrchestratorSettings) -> AsyncIterator[Scene]:
    ensure_secrets(options)  # the runner, which is asked for nothing, shows a token
    store = await open_store_for(options, COLLECTIONS)
    time = now()
    client = ClientRecord(name="clients/acme", create_time=time, update_time=time)
    await store.insert(CLIENTS, client)
    await store.insert(PROJECTS, ProjectRecord(name=WEB, create_time=time, update_time=time))
    scene = Scene(store, options)
    yield scene
    await scene.runner.close()
    await store.close()


async def _pause_before_asking(scene: Scene, task: TaskRecord) -> asyncio.Task[ApprovalRecord]:
    scene.rules.came.clear()
    scene.rules.go_on.clear()
    asking_now = asyncio.create_task(scene.ask(task))
    await scene.rules.came.wait()
    return asking_now


@pytest.mark.parametrize("how", ["cancelled", "retried", "taken over"])
async def test_a_paused_pass_asks_nothing_for_a_task_that_is_no_more_its_own(
    scene: Scene, how: str
) -> None:
    task = await scene.task()
    paused = await _pause_before_asking(scene, task)
    if how == "taken over":
        await scene.change(task, lambda _: [], fence=8)
    else:
        cancelled = await scene.change(task, cancel_task)
        await scene.ending.cancel(cancelled, Lease("task.t", 8, 1.0))
    if how == "retried":
        await scene.change(task, lambda current: retry_task(current, ""), fence=8)
        await scene.change(task, lambda current: move_task(current, "ORCHESTRATING"), fence=9)
    scene.rules.go_on.set()
    with pytest.raises(PassStoppedError):
        await paused
    assert await scene.asked(task) == []


async def test_who_is_paused_in_the_middle_of_asking_leaves_no_question_behind(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await scene.task()
    looked, go_on = threading.Event(), threading.Event()
    still = asking._still

    def look_and_pause(look: Look, task: TaskRecord, fence: int) -> None:
        still(look, task, fence)
        looked.set()
        go_on.wait(20)

    monkeypatch.setattr(asking, "_still", look_and_pause)
    paused = asyncio.create_task(scene.ask(task))
    await asyncio.to_thread(looked.wait, 20)
    cancelling = asyncio.create_task(_cancel(scene, task))
    await asyncio.sleep(0.5)  # it comes as far as it can
    go_on.set()
    await cancelling
    with contextlib.suppress(PassStoppedError, AdjutantError):
        await paused
    assert (await scene.store.get(TASKS, task.name)).state == "CANCELLED"
    assert not [one.name for one in await scene.asked(task) if one.state == "PENDING"]


async def test_a_question_that_comes_too_late_for_a_message_waits_for_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await scene.task()
    more = task_message_service_pb2.SendTaskMessageRequest(
        parent=task.name, text="- [ ] more\n  run: true\n"
    )
    await scene.messages.send(more)
    looked, go_on = threading.Event(), threading.Event()
    still = asking._still

    def look_and_pause(look: Look, task: TaskRecord, fence: int) -> None:
        still(look, task, fence)
        looked.set()
        go_on.wait(20)

    monkeypatch.setattr(asking, "_still", look_and_pause)
    paused = asyncio.create_task(scene.ask(task))
    await asyncio.to_thread(looked.wait, 20)
    handing_over = asyncio.create_task(_begin_pass(scene, task))
    await asyncio.sleep(0.5)  # it comes as far as it can
    go_on.set()
    handed = await handing_over
    with contextlib.suppress(PassStoppedError, AdjutantError):
        await paused
    assert [step.number for step in handed.steps] == [1, 2]
    assert not [one.name for one in await scene.asked(task) if one.state == "PENDING"]


async def _begin_pass(scene: Scene, task: TaskRecord) -> TaskRecord:
    """Begin a pass as the conductor does."""
    texts, plan = await scene.messages.read(task.name)
    begun = await scene.store.update(
        TASKS,
        task.name,
        lambda current: conductor._begin(current, texts, plan),
        fence=8,
        guard=lambda look: conductor._nobody_asks(look, task.name),
    )
    return await scene.messages.settle(begun, 8)


async def _cancel(scene: Scene, task: TaskRecord) -> None:
    """Cancel a task as the conductor does, which tries again what somebody else was faster at."""
    cancelling = await scene.store.update(TASKS, task.name, cancel_task)
    async with asyncio.timeout(20):
        while (await scene.store.get(TASKS, task.name)).state != "CANCELLED":
            with contextlib.suppress(AdjutantError):
                await scene.ending.cancel(cancelling, Lease("task.t", 8, 1.0))


async def test_who_was_paused_takes_back_no_question_of_who_has_the_task_now(scene: Scene) -> None:
    task = await scene.task()
    old = await scene.ask(task)

    def hand_over(current: TaskRecord) -> Events:
        stale = [current.approval]
        current.approval, current.asked = "", current.asked + 1
        settlement = Settlement(
            message_id="m", number=1, state="DELIVERED", steps_added=[2], time=now(), stale=stale
        )
        current.inbox.unsettled = [settlement]
        return []

    message = MessageRecord(
        name=f"{task.name}/messages/m", create_time=now(), update_time=now(), text="", sender=""
    )
    await scene.store.insert(MESSAGES, message)
    seen = await scene.change(task, hand_over)
    new = await scene.ask(task, fence=8)
    with pytest.raises(AdjutantError, match="held by somebody else"):
        await scene.messages.settle(seen, 7)
    await scene.messages.settle(seen)
    found = {one.name: one.state for one in await scene.asked(task)}
    assert found == {old.name: "DISMISSED", new.name: "PENDING"}


async def test_what_is_taken_back_again_and_again_ends_the_task(scene: Scene) -> None:
    task = await scene.task()
    names = set()
    while (approval := await scene.ask(task)).state == "PENDING":
        names.add(approval.name)
        assert len(names) < 100
        await scene.dismissal.of_names([approval.name], "by mistake")
    assert len(names) == 11
    failure = asking.refusal(approval)
    assert (failure.reason, failure.disposition) == ("INTERNAL", "INFRASTRUCTURE")
    assert "asked 11 times" in failure.message
