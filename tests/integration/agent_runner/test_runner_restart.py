"""Runners that are killed at any moment, and what the next one makes of it."""

import asyncio
import os
import pathlib
import signal
import sys

import psutil
import pytest

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import run_pb2 as states
from adjutant.event.v1 import event_pb2
from tests.integration.agent_runner.processes_seen import alive, marked, until
from tests.integration.agent_runner.runners import RunnerProcess

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="followed on Linux alone")


def states_of(events: list[event_pb2.Event]) -> list[int]:
    """Return the states that a run went through."""
    return [e.run_state_changed.state for e in events if e.HasField("run_state_changed")]


HAPPY = [
    states.RUN_STATE_PREPARING,
    states.RUN_STATE_RUNNING,
    states.RUN_STATE_SUCCEEDED,
]


REPORT = """\
import os, time, grpc
from adjutant.agent_runner.v1 import run_service_pb2, run_service_pb2_grpc
request = run_service_pb2.ReportRunRequest(
    name=os.environ["ADJUTANT_RUN"],
    report_token=os.environ["ADJUTANT_REPORT_TOKEN"],
    message="reported",
)
with grpc.insecure_channel(os.environ["ADJUTANT_RUNNER_ADDRESS"]) as channel:
    report = run_service_pb2_grpc.RunServiceStub(channel).ReportRun
    until = time.monotonic() + 20
    while True:
        try:
            report(request, wait_for_ready=True, timeout=20)
            break
        except grpc.RpcError as error:  # the runner is killed while it answers
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                raise
"""


async def test_a_job_goes_on_and_the_next_runner_adopts_it(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    caller = runner_process.caller
    run = await caller.start(
        f"echo started >> {tmp_path}/starts; echo before;"
        f" until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo after; echo made > made"
    )
    running = await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    runner_process.kill()
    assert alive(running.process_group)
    await runner_process.start()
    assert (await caller.get(run.name)).state == states.RUN_STATE_RUNNING
    (tmp_path / "go").touch()
    assert states_of(await caller.events(run.name)) == HAPPY
    ended = await caller.get(run.name)
    assert (ended.exit_code, list(ended.changed_files)) == (0, ["made"])
    assert await caller.output(run.name) == b"before\nafter\n"
    assert (tmp_path / "starts").read_text() == "started\n"


async def test_a_job_that_ended_meanwhile_is_learnt(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    caller = runner_process.caller
    run = await caller.start(f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo late; exit 7")
    running = await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    runner_process.kill()
    (tmp_path / "go").touch()
    await until(lambda: not alive(running.process_group))
    await runner_process.start()
    ended = await caller.end(run.name)
    assert ended.exit_code == 7
    assert ended.failure.reason == reasons.ERROR_REASON_COMMAND_FAILED
    assert await caller.output(run.name) == b"late\n"


async def test_a_runner_killed_right_after_accepting_starts_each_run_once(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    caller = runner_process.caller
    names = []
    for number, pause_s in enumerate((0.0, 0.004, 0.008, 0.016)):
        run = await caller.start(f"echo started >> {tmp_path}/starts-{number}; sleep 0.1")
        names.append(run.name)
        await asyncio.sleep(pause_s)
        runner_process.kill()
        await runner_process.start()
    for number, name in enumerate(names):
        assert states_of(await caller.events(name)) == HAPPY
        assert (tmp_path / f"starts-{number}").read_text() == "started\n"


async def test_a_job_that_a_later_runner_starts_can_report(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    """The token itself is nowhere on disk before the job is prepared, so it gets another one."""
    caller = runner_process.caller
    script = tmp_path / "report.py"
    script.write_text(REPORT)
    names = []
    for _ in range(3):
        names.append((await caller.start(f"{sys.executable} {script}")).name)
        runner_process.kill()
        await runner_process.start()
    for name in names:
        run = await caller.end(name)
        assert run.state == states.RUN_STATE_SUCCEEDED, await caller.output(name)
        assert run.message == "reported"


async def test_a_cancel_survives_its_runner(runner_process: RunnerProcess) -> None:
    caller = runner_process.caller
    run = await caller.start("trap '' TERM; sleep 1000 & sleep 1000; sleep 1")
    await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    await caller.cancel(run.name)
    runner_process.kill()
    await runner_process.start()
    assert (await caller.end(run.name)).state == states.RUN_STATE_CANCELLED
    assert not marked(run.name)


@linux_only
async def test_a_lost_job_fails_for_infrastructure_and_leaves_nothing(
    runner_process: RunnerProcess,
) -> None:
    caller = runner_process.caller
    run = await caller.start("setsid sleep 1000 & sleep 1000 & sleep 1000; true")
    running = await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    await until(lambda: len(marked(run.name)) >= 4)
    shim = psutil.Process(running.process_group).parent()
    assert shim is not None
    shim.kill()
    ended = await caller.end(run.name)
    assert ended.state == states.RUN_STATE_FAILED
    assert ended.failure.reason == reasons.ERROR_REASON_RUN_LOST
    assert ended.failure.disposition == failure_pb2.FAILURE_DISPOSITION_INFRASTRUCTURE
    assert not marked(run.name)


@linux_only
async def test_everything_killed_at_once_is_a_lost_job(runner_process: RunnerProcess) -> None:
    caller = runner_process.caller
    run = await caller.start("sleep 1000 & sleep 1000; true")
    running = await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    shim = psutil.Process(running.process_group).parent()
    runner_process.kill()
    assert shim is not None
    shim.kill()
    os.killpg(running.process_group, signal.SIGKILL)
    await runner_process.start()
    ended = await caller.end(run.name)
    assert ended.failure.reason == reasons.ERROR_REASON_RUN_LOST


async def test_who_ends_the_service_by_name_spares_its_jobs(
    runner_process: RunnerProcess,
) -> None:
    caller = runner_process.caller
    run = await caller.start("sleep 1000")
    running = await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    shim = psutil.Process(running.process_group).parent()
    assert shim is not None
    assert "agent_runner" not in " ".join(shim.cmdline())


async def test_a_tail_and_a_watch_go_on_after_a_restart(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    caller = runner_process.caller
    run = await caller.start(f"echo one; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo two")
    await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    request = run_service_pb2.WatchRunRequest(name=run.name)
    frames = []
    async for answer in caller.stub.WatchRun(request):
        frames.append(answer.frame)
        if len(frames) == 2:
            break
    runner_process.kill()
    await runner_process.start()
    (tmp_path / "go").touch()
    assert await caller.output(run.name, offset_bytes=4) == b"two\n"
    rest = await caller.frames(run.name, frames[-1].cursor)
    seen = [f.event for f in [*frames, *rest] if f.HasField("event")]
    assert states_of(seen) == HAPPY


async def test_the_trace_reaches_the_job(runner_process: RunnerProcess) -> None:
    caller = runner_process.caller
    trace = "0af7651916cd43dd8448eb211c80319c"
    request = run_service_pb2.StartRunRequest(
        parent=caller.parent,
        spec={"agent": "command", "command_line": "echo $TRACEPARENT"},
    )
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"),)
    started = await caller.stub.StartRun(request, metadata=metadata)
    printed = (await caller.output(started.run.name)).decode().split("-")
    assert printed[1] == trace


async def test_a_second_runner_on_the_same_folder_waits(
    runner_process: RunnerProcess, nats_url: str, tmp_path: pathlib.Path
) -> None:
    second = RunnerProcess(nats_url, tmp_path)
    starting = asyncio.create_task(second.start())
    await asyncio.sleep(1.0)
    assert not starting.done()
    runner_process.kill()
    await starting
    await second.close()


async def test_a_stopping_runner_ends_tails_and_leaves_jobs_alone(
    runner_process: RunnerProcess, tmp_path: pathlib.Path
) -> None:
    caller = runner_process.caller
    run = await caller.start(f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo done")
    await caller.in_state(run.name, states.RUN_STATE_RUNNING)
    service = runner_process.process
    service.terminate()
    assert await asyncio.to_thread(service.wait, 15) == 0
    await runner_process.start()
    (tmp_path / "go").touch()
    assert await caller.output(run.name) == b"done\n"
