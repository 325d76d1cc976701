"""Two agent runners on one folder: any of them answers, and one looks after each run."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.common.v1 import run_pb2 as states
from services.agent_runner.adapters.subprocess import LocalBackend
from services.agent_runner.backend import JobPhase, JobSpec, JobWord
from tests.integration.agent_runner.processes_seen import until
from tests.integration.agent_runner.runners import TELL_TOKEN, RunnerProcess, token_of

Pair = tuple[RunnerProcess, RunnerProcess]
RUNNING, CANCELLED = states.RUN_STATE_RUNNING, states.RUN_STATE_CANCELLED


@pytest.fixture
async def pair(nats_url: str, tmp_path: pathlib.Path) -> AsyncIterator[Pair]:
    first = RunnerProcess(nats_url, tmp_path, lease_ttl_s=1)
    second = RunnerProcess(nats_url, tmp_path, lease_ttl_s=1, replica=1)
    await first.start()
    await second.start()
    second.caller.parent = first.caller.parent
    yield first, second
    await second.close()
    await first.close()


async def test_a_run_is_cancelled_through_the_replica_that_does_not_look_after_it(
    pair: Pair,
) -> None:
    first, second = pair
    run = await first.caller.start("sleep 1000")
    await first.caller.in_state(run.name, RUNNING)
    await second.caller.cancel(run.name)
    assert (await second.caller.end(run.name)).state == CANCELLED


async def test_what_a_job_says_to_either_is_told_in_order(pair: Pair) -> None:
    first, second = pair
    run = await first.caller.start(f"{TELL_TOKEN}; sleep 1000")
    await first.caller.in_state(run.name, RUNNING)
    token = await token_of(first, run.name)
    for percent, runner in ((10, first), (20, second), (30, second), (40, first), (50, second)):
        await runner.caller.stub.ReportRun(
            run_service_pb2.ReportRunRequest(
                name=run.name, report_token=token, percent=percent, message=f"at {percent}"
            )
        )
    async with asyncio.timeout(20):
        while (await second.caller.get(run.name)).percent != 50:
            await asyncio.sleep(0.05)
    await second.caller.cancel(run.name)
    events = await second.caller.events(run.name)
    said = [event.run_progress.percent for event in events if event.HasField("run_progress")]
    assert said == sorted(said), "no report overtakes another"
    assert said[-1] == 50


async def test_output_and_heartbeat_are_seen_at_either(pair: Pair) -> None:
    first, second = pair
    run = await first.caller.start("for n in 1 2 3; do echo $n; sleep 0.3; done")
    reading = [asyncio.create_task(each.caller.output(run.name)) for each in pair]
    async with asyncio.timeout(20):
        while not (await second.caller.get(run.name)).HasField("heartbeat_time"):
            await asyncio.sleep(0.02)
    assert await asyncio.gather(*reading) == [b"1\n2\n3\n"] * 2
    assert (await second.caller.end(run.name)).state == states.RUN_STATE_SUCCEEDED


async def test_a_killed_replicas_runs_are_gone_on_with_and_run_once(
    pair: Pair, tmp_path: pathlib.Path
) -> None:
    first, second = pair
    count = tmp_path / "count"
    run = await first.caller.start(f"echo begun >> {count}; sleep 2; echo done >> {count}")
    await until(count.exists)
    first.kill()
    ended = await second.caller.end(run.name)
    assert ended.state == states.RUN_STATE_SUCCEEDED
    assert count.read_text().split() == ["begun", "done"]
    await first.start()


async def test_two_backends_start_a_job_once_and_the_first_spec_stays(
    tmp_path: pathlib.Path,
) -> None:
    first, second = (LocalBackend(tmp_path / "runs", name) for name in ("a", "b"))
    await first.open()
    await second.open()
    try:
        first.make_folder("job")
        specs = [_spec(tmp_path, f"echo {n} >> starts; sleep 0.2") for n in range(8)]
        backends = [first, second] * 4
        stands = await asyncio.gather(
            *(
                asyncio.to_thread(backend.prepare, "job", spec)
                for backend, spec in zip(backends, specs, strict=True)
            )
        )
        assert all(spec == stands[0] for spec in stands), "all work with the first spec"
        await asyncio.gather(*(backend.start("job") for backend in backends))
        await until(lambda: second.status("job").phase is JobPhase.ENDED)
        assert (tmp_path / "starts").read_text().count("\n") == 1
    finally:
        await first.close()
        await second.close()


async def test_every_replica_that_listens_is_woken(tmp_path: pathlib.Path) -> None:
    first, second = (LocalBackend(tmp_path / "runs", name) for name in ("a", "b"))
    await first.open()
    await second.open()
    try:
        first.make_folder("job")
        first.prepare("job", _spec(tmp_path, "sleep 0.5"))
        await second.start("job")
        bells = [backend.next_change("job") for backend in (first, second)]
        said = JobWord(5.0, "half-way", None)
        assert second.leave_word("job", said)
        async with asyncio.timeout(20):
            await asyncio.gather(*(bell.wait() for bell in bells))
        assert list(first.words("job").left().values()) == [said]
        await until(lambda: first.status("job").phase is JobPhase.ENDED)
    finally:
        await first.close()
        await second.close()


async def test_nothing_is_prepared_where_a_job_was_removed(tmp_path: pathlib.Path) -> None:
    backend = LocalBackend(tmp_path / "runs")
    await backend.open()
    try:
        backend.make_folder("job")
        await backend.remove("job")
        with pytest.raises(FileNotFoundError):
            backend.prepare("job", _spec(tmp_path, "touch ran"))
        assert backend.jobs() == []
    finally:
        await backend.close()


def _spec(folder: pathlib.Path, command: str) -> JobSpec:
    return JobSpec(
        argv=["/bin/sh", "-c", command],
        verify_argv=[],
        env={"PATH": "/usr/bin:/bin"},
        working_directory=str(folder),
        timeout_s=30,
        grace_s=0.3,
        max_output_bytes=100_000,
        heartbeat_interval_s=0.1,
    )
