"""What a job was told is taken is never lost, above all what it spent: kills, pauses, the end."""

import asyncio
import pathlib
import signal
from collections.abc import AsyncIterator

import grpc
import pytest

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.common.v1 import money_pb2
from adjutant.common.v1 import run_pb2 as states
from services.agent_runner.adapters.job_words import JobWord, JobWords
from services.agent_runner.progress import Progress
from services.agent_runner.run import RUNS, STATES, RunRecord, RunSpec
from services.mesh.errors import AdjutantError
from services.mesh.store import Store, now, open_store
from tests.integration.agent_runner.processes_seen import until
from tests.integration.agent_runner.runners import TELL_TOKEN, RunnerProcess, token_of
from tests.support.errors import reason_of

NAME = "clients/c/projects/p/runs/r"
NEVER_S = 600.0
"""A progress interval that no test sees the end of."""


@pytest.fixture
async def runner(nats_url: str, tmp_path: pathlib.Path) -> AsyncIterator[RunnerProcess]:
    """A runner that never writes a second report before the run's end."""
    started = RunnerProcess(nats_url, tmp_path, lease_ttl_s=1, progress_interval_s=NEVER_S)
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def other(
    nats_url: str, tmp_path: pathlib.Path, runner: RunnerProcess
) -> AsyncIterator[RunnerProcess]:
    """Its replica."""
    started = RunnerProcess(nats_url, tmp_path, lease_ttl_s=1, replica=1)
    await started.start()
    started.caller.parent = runner.caller.parent
    yield started
    await started.close()


async def _spent(
    runner: RunnerProcess, name: str, token: str, units: int, code: str = "EUR"
) -> None:
    await runner.caller.stub.ReportRun(
        run_service_pb2.ReportRunRequest(
            name=name,
            report_token=token,
            message=f"spent {units}",
            cost=money_pb2.Money(currency_code=code, units=units),
        )
    )


async def _ended(runner: RunnerProcess, name: str, go: pathlib.Path) -> run_pb2.Run:
    go.touch()
    return await runner.caller.end(name)


def _until(go: pathlib.Path) -> str:
    return f"{TELL_TOKEN}; until [ -e {go} ]; do sleep 0.02; done"


async def test_what_was_spent_survives_a_kill_right_after_the_answer(
    runner: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    run = await runner.caller.start(_until(tmp_path / "go"))
    token = await token_of(runner, run.name)
    for units in (1, 3, 2):
        await _spent(runner, run.name, token, units)
    runner.kill()
    await runner.start()
    ended = await _ended(runner, run.name, tmp_path / "go")
    assert (ended.cost.units, ended.message) == (3, "spent 2")


async def test_what_is_told_a_runner_that_slept_past_its_lease_reaches_the_other(
    runner: RunnerProcess, other: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    first, second = runner, other
    run = await first.caller.start(_until(tmp_path / "go"))
    token = await token_of(first, run.name)
    await _spent(first, run.name, token, 1)
    first.process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: f"{run.name} is looked after here" in second.log)
    finally:
        first.process.send_signal(signal.SIGCONT)
    for units in (2, 3, 4):
        await _spent(first, run.name, token, units)
    ended = await _ended(second, run.name, tmp_path / "go")
    assert (ended.cost.units, ended.message) == (4, "spent 4")


async def test_what_is_spent_after_the_end_is_refused_and_not_taken(
    runner: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    run = await runner.caller.start(_until(tmp_path / "go"))
    token = await token_of(runner, run.name)
    await _ended(runner, run.name, tmp_path / "go")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _spent(runner, run.name, token, 1)
    assert reason_of(caught.value) == "ILLEGAL_TRANSITION"


async def test_another_currency_is_refused_before_the_first_is_written(
    runner: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    run = await runner.caller.start(_until(tmp_path / "go"))
    token = await token_of(runner, run.name)
    calls = [_spent(runner, run.name, token, n, code) for n, code in ((1, "EUR"), (9, "USD"))]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [reason_of(error) for error in refused] == ["INVALID_REQUEST"]
    assert (await _ended(runner, run.name, tmp_path / "go")).state == states.RUN_STATE_SUCCEEDED


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> Store:
    made = await open_store(tmp_path / "store.db", [RUNS])
    time = now()
    record = RunRecord(
        name=NAME,
        create_time=time,
        update_time=time,
        state=STATES.initial,
        task="",
        agent="command",
        spec=RunSpec(agent="command"),
        spec_digest="",
        headers={},
    )
    await made.insert(RUNS, record)
    return made


def _cost(units: int) -> JobWord:
    return JobWord(None, "", {"currency_code": "EUR", "units": units})


async def test_words_whose_write_is_refused_stay_for_who_looks_after_the_run(
    store: Store, tmp_path: pathlib.Path
) -> None:
    words = JobWords(str(tmp_path))
    assert words.leave(_cost(5))
    assert words.leave(_cost(4))
    await store.update(RUNS, NAME, lambda _: [], fence=2)
    former = Progress(NAME, store, 1, words, 0.01)
    former.look()
    await asyncio.sleep(0.1)
    with pytest.raises(AdjutantError, match="STALE_FENCE"):
        former.look()
    assert len(words.left()) == 2
    latter = Progress(NAME, store, 2, words, 0.01)
    await latter.close()
    assert words.left() == {}
    found = await store.get(RUNS, NAME)
    assert found.cost is not None
    assert found.cost.units == 5
    assert not words.leave(_cost(6)), "the run is about to end"
    await store.close()


async def test_words_are_forgotten_once_they_are_written_and_no_sooner(
    store: Store, tmp_path: pathlib.Path
) -> None:
    words = JobWords(str(tmp_path))
    words.leave(_cost(1))
    await store.close()  # nothing can be written
    progress = Progress(NAME, store, 1, words, NEVER_S)
    progress.look()
    with pytest.raises(RuntimeError, match="shutdown"):
        await progress.close()
    assert len(words.left()) == 1
