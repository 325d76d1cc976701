"""What is told of a plan before it is run: the arithmetic of it."""

import asyncio
from pathlib import Path

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh import tasks
from services.mesh.events import new_event
from services.mesh.store import SqliteStore, now, open_store
from services.orchestrator.plans.cache import PLANS, CachedPlanner
from services.orchestrator.plans.complexity import complexity
from services.orchestrator.plans.estimate import Estimates, schedule
from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.plan import PlanStep
from services.orchestrator.plans.planner import ChecklistPlanner
from services.orchestrator.plans.statistics import (
    SAMPLES,
    STATISTICS,
    Sample,
    Statistics,
    StatisticsRecord,
    count,
    kinds,
    mean_costs,
    p90_s,
)
from services.orchestrator.tasks.money import MoneyRecord
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import TaskRecord
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord

PROJECT = "clients/a/projects/b"


def steps(*after: list[int], **fields: object) -> list[PlanStep]:
    return [
        PlanStep.model_validate(
            {"number": n, "title": f"s{n}", "goal_index": 0, "line": n, "ticked": False}
            | {"after": before}
            | fields
        )
        for n, before in enumerate(after, 1)
    ]


async def store_in(folder: Path) -> SqliteStore:
    store = await open_store(folder / "store.db", (PLANS, STATISTICS, PROJECTS))
    await store.insert(PROJECTS, ProjectRecord(name=PROJECT, create_time=now(), update_time=now()))
    return store


def test_a_plan_is_scheduled_as_it_would_be_run() -> None:
    diamond = steps([], [], [1], [2, 3])
    durations = {1: 2.0, 2: 5.0, 3: 4.0, 4: 1.0}
    assert schedule(diamond, durations, 0) == ({1: 0.0, 2: 0.0, 3: 2.0, 4: 6.0}, 7.0)
    assert schedule(diamond, durations, 1) == ({1: 0.0, 2: 2.0, 3: 7.0, 4: 11.0}, 12.0)
    side_by_side = steps([], [], [])
    assert schedule(side_by_side, {1: 3.0, 2: 1.0, 3: 1.0}, 2) == ({1: 0.0, 2: 0.0, 3: 1.0}, 3.0)
    assert schedule([], {}, 2) == ({}, 0.0)


def test_what_is_ticked_off_holds_nobody_up() -> None:
    plan = parse_plan("- [x] a\n- [ ] b\n  after: a\n  run: x\n")
    run = [step for step in plan.steps if not step.ticked]
    assert schedule(run, {2: 3.0}, 1) == ({2: 0.0}, 3.0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([[]], 1),
        ([[], [], []], 3),
        ([[], [1], [2]], 3 + 2 * 2 + 2),
        ([[], [], [1, 2], [1, 2]], 4 + 2 * 1 + 3),
    ],
)
def test_complexity_grows_with_steps_depth_and_waits(after: list[list[int]], expected: int) -> None:
    assert complexity(steps(*after)) == expected


def test_complexity_grows_with_agents_and_not_with_what_is_ticked_off() -> None:
    mixed = steps([], [])
    mixed[1].agent = "git"
    assert complexity(mixed) == 2 + 3
    assert complexity(steps([], [1], ticked=True)) == 0


def test_a_run_counts_once_and_the_last_ones_make_the_figures() -> None:
    record = StatisticsRecord(name="x", create_time=now(), update_time=now())
    for number in range(30):
        assert count(record, f"r{number}", Sample(seconds=number))
    assert not count(record, "r29", Sample(seconds=1000)), "the same event again"
    assert (record.count, len(record.samples)) == (30, SAMPLES)
    assert p90_s(record.samples) == 27.0
    assert p90_s(record.samples[:1]) == 10.0


def test_costs_are_averaged_within_a_currency() -> None:
    euro = MoneyRecord(currency_code="EUR", units=1)
    samples = [Sample(seconds=1, costs=[euro]), Sample(seconds=1)]
    assert mean_costs(samples) == [MoneyRecord(currency_code="EUR", nanos=500_000_000)]


def ended(run: str, command_line: str, state: str = "SUCCEEDED") -> event_pb2.Event:
    time = now()
    step = StepRecord(
        number=1, title="s", goal_index=0, agent="command", command_line=command_line, run=run
    )
    task = TaskRecord(
        name=f"{PROJECT}/tasks/t",
        create_time=time,
        update_time=time,
        news_time=time,
        title="t",
        instructions="",
        steps=[step],
    )
    move_step(task, step, "RUNNING")
    (event,) = move_step(task, step, state)
    assert event.HasField("step_state_changed")
    return event


async def test_estimates_stand_on_the_same_command_else_the_same_agent_else_on_nothing(
    tmp_path: Path,
) -> None:
    store = await store_in(tmp_path)
    statistics = Statistics(store, 3600)
    same = ended("r1", "make")
    for event in (same, same, ended("r2", "make"), ended("r3", "lint"), ended("r4", "x", "FAILED")):
        await statistics.on_step_event(event)
    plan = steps([], [], [])
    plan[0].command_line, plan[1].command_line, plan[2].agent = "make", "never seen", "other"
    found = await Estimates(statistics).of(PROJECT, plan, 0)
    assert [found.steps[n].basis for n in (1, 2, 3)] == ["COMMAND", "AGENT", "UNKNOWN"]
    assert [found.steps[n].past_runs for n in (1, 2, 3)] == [2, 3, 0]
    assert (found.whole.known_steps, found.whole.unknown_steps) == (2, 1)
    elsewhere = await Estimates(statistics).of("clients/a/projects/c", plan, 0)
    assert elsewhere.whole.known_steps == 0, "each project has its own"
    await store.close()


async def test_what_was_removed_meanwhile_is_not_counted(tmp_path: Path) -> None:
    store = await store_in(tmp_path)
    event = ended("r1", "make")
    gone = new_event(
        resource="clients/a/projects/gone/tasks/t",
        task="clients/a/projects/gone/tasks/t",
        step_state_changed=event.step_state_changed,
    )
    await Statistics(store, 3600).on_step_event(gone)
    for kind in kinds("clients/a/projects/gone", "command", "make", ""):
        assert await Statistics(store, 3600).find(kind) is None
    await store.close()


async def test_a_kind_that_does_not_come_any_more_is_forgotten(tmp_path: Path) -> None:
    store = await store_in(tmp_path)
    statistics = Statistics(store, 0.1)
    await statistics.on_step_event(ended("r1", "make"))
    forgetting = asyncio.create_task(statistics.run())
    (command, _) = kinds(PROJECT, "command", "make", "")
    async with asyncio.timeout(30):
        while await statistics.find(command):
            await asyncio.sleep(0.05)
    await tasks.end([forgetting])
    await store.close()


async def test_a_plan_is_made_once_for_each_project_title_and_text(tmp_path: Path) -> None:
    store = await store_in(tmp_path)
    planner = CachedPlanner(ChecklistPlanner(), store, 3600)
    text = "- [ ] a\n  run: x\n  gives: n integer\n- [ ] b\n  run: y\n  takes: n from a\n"
    first = await planner.plan(PROJECT, text, "")
    again = await planner.plan(PROJECT, text, "")
    assert (first.cached, again.cached) == (False, True)
    assert again.plan == first.plan
    assert not (await planner.plan(PROJECT, text, "Other")).cached
    assert not (await planner.plan("clients/a/projects/none", text, "")).cached
    assert not (await planner.plan("clients/a/projects/none", text, "")).cached, "it is no project"

    stale = CachedPlanner(ChecklistPlanner(), store, 1e-6)
    name = "- [ ] c\n  run: x\n"
    assert not (await stale.plan(PROJECT, name, "")).cached
    assert not (await stale.plan(PROJECT, name, "")).cached, "its time is over"
    await store.close()


async def test_with_no_time_to_keep_them_plans_are_not_kept(tmp_path: Path) -> None:
    store = await store_in(tmp_path)
    planner = CachedPlanner(ChecklistPlanner(), store, 0)
    for _ in range(2):
        assert not (await planner.plan(PROJECT, "- [ ] a\n  run: x\n", "")).cached
    assert [record async for record in store.scan(PLANS, {})] == []
    await store.close()
