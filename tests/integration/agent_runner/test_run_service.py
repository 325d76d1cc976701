"""RunService over the wire, with real jobs."""

import asyncio
import pathlib
import subprocess
import sys
import uuid
from typing import Any

import grpc
import grpc.aio
import psutil
import pytest
from google.rpc import error_details_pb2, status_pb2

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import run_pb2 as states
from services.agent_runner.run import job_id_of
from tests.integration.agent_runner.processes_seen import marked, members, open_files, until
from tests.integration.agent_runner.runners import Caller, runner_here


def shell(command: str, folder: pathlib.Path) -> str:
    """Run a command line and return what it printed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


# One runner serves all of these; each test has a project of its own.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "repository"
    shell(
        "git init -q -b main; git config user.name Ann; git config user.email ann@localhost;"
        " printf 'one\\ntwo\\nthree\\n' > file; git add .; git commit -qm First",
        folder,
    )
    return folder


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Return the ErrorInfo's reason of an error."""
    details = (value for key, value in error.trailing_metadata() or () if key.endswith("-bin"))
    packed = next(details)
    assert isinstance(packed, bytes)
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(packed).details[0].Unpack(info)
    return str(info.reason)


def changes_of(run_events: list[Any]) -> list[int]:
    """Return the states that a run went through."""
    return [e.run_state_changed.state for e in run_events if e.HasField("run_state_changed")]


async def test_a_run_from_start_to_end(runner: Caller) -> None:
    task = f"{runner.parent}/tasks/t1"
    accepted = await runner.start("echo hello; echo made > made", task=task)
    assert accepted.state == states.RUN_STATE_PREPARING
    events = await runner.events(accepted.name)
    assert changes_of(events) == [
        states.RUN_STATE_PREPARING,
        states.RUN_STATE_RUNNING,
        states.RUN_STATE_SUCCEEDED,
    ]
    assert {event.task for event in events} == {task}
    assert events[-1].run_state_changed.exit_code == 0
    run = await runner.get(accepted.name)
    assert run.state == states.RUN_STATE_SUCCEEDED
    assert run.exit_code == 0
    assert list(run.changed_files) == ["made"]
    assert [artifact.artifact_id for artifact in run.artifacts] == ["output.log", "changes.patch"]
    assert run.create_time.ToNanoseconds() <= run.start_time.ToNanoseconds()
    assert run.start_time.ToNanoseconds() <= run.end_time.ToNanoseconds()
    assert await runner.artifact(run.name, "output.log") == b"hello\n"
    assert b"+made" in await runner.artifact(run.name, "changes.patch")


async def test_the_job_knows_its_run_and_none_of_the_services_secrets(
    nats_url: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "swordfish")
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("ADJUTANT_OTHER", "mine")
    async with runner_here(nats_url, tmp_path, job_variables=("WANTED",)) as runner:
        task = f"{runner.parent}/tasks/t1"
        run = await runner.run("env; git log -1 --format=%an", task=task)
        printed = (await runner.output(run.name)).decode()
    variables = dict(line.partition("=")[::2] for line in printed.splitlines())
    assert variables["ADJUTANT_RUN"] == run.name
    assert variables["ADJUTANT_TASK"] == task
    assert variables["ADJUTANT_RUNNER_ADDRESS"].startswith("127.0.0.1:")
    assert variables["WANTED"] == "yes"
    assert "swordfish" not in printed
    assert "ADJUTANT_OTHER" not in variables


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"command_line": "exit 3"}, "COMMAND_FAILED", "exit code 3"),
        ({"command_line": "no-such-command"}, "COMMAND_NOT_FOUND", "no-such-command"),
        (
            {"command_line": "true", "verify_command": "echo wrong; exit 1"},
            "VERIFY_FAILED",
            "it said last: wrong",
        ),
        (
            {"command_line": "true", "workspace": run_pb2.Workspace(repository_uri="/no/such")},
            "REPOSITORY_NOT_FOUND",
            "/no/such",
        ),
    ],
)
async def test_failures_are_designed(
    runner: Caller, spec: dict[str, Any], reason: str, words: str
) -> None:
    run = await runner.run(**spec)
    assert run.state == states.RUN_STATE_FAILED
    assert run.failure.reason == reasons.ErrorReason.Value(f"ERROR_REASON_{reason}")
    assert run.failure.disposition == failure_pb2.FAILURE_DISPOSITION_WORK
    assert words in run.failure.message
    (*_, last) = await runner.events(run.name)
    assert last.run_state_changed.failure == run.failure


async def test_a_timeout_ends_the_run(runner: Caller) -> None:
    run = await runner.run("echo started; sleep 1000", timeout={"nanos": 300_000_000})
    assert run.failure.reason == reasons.ERROR_REASON_RUN_TIMEOUT
    assert "0.3 seconds" in run.failure.message
    assert not run.HasField("exit_code")
    assert await runner.artifact(run.name, "output.log") == b"started\n"


async def test_silence_ends_the_run_and_is_told_before(
    nats_url: str, tmp_path: pathlib.Path
) -> None:
    limits = {"liveness_window_s": 0.3, "stuck_after_s": 1.0}
    async with runner_here(nats_url, tmp_path, **limits) as runner:
        run = await runner.run("sleep 1000")
        events = await runner.events(run.name)
    assert run.failure.reason == reasons.ERROR_REASON_RUN_STUCK
    told = [e.run_liveness_changed.liveness for e in events if e.HasField("run_liveness_changed")]
    assert told == [states.RUN_LIVENESS_SILENT]


async def test_a_quiet_job_that_computes_is_not_stuck(
    nats_url: str, tmp_path: pathlib.Path
) -> None:
    limits = {"liveness_window_s": 0.2, "stuck_after_s": 0.8}
    compute = "import time; end = time.time() + 2\nwhile time.time() < end: pass"
    async with runner_here(nats_url, tmp_path, **limits) as runner:
        run = await runner.run(f"{sys.executable} -c '{compute}'")
        events = await runner.events(run.name)
    assert run.state == states.RUN_STATE_SUCCEEDED
    told = [e.run_liveness_changed.liveness for e in events if e.HasField("run_liveness_changed")]
    assert states.RUN_LIVENESS_WAITING_ON_PROCESS in told


async def test_cancelled_is_written_when_nothing_is_left(runner: Caller) -> None:
    marker = uuid.uuid4().hex
    run = await runner.start(
        f"export MARK={marker}; trap '' TERM; setsid sleep 1000 & sleep 1000 & sleep 1000; sleep 1"
    )
    running = await runner.in_state(run.name, states.RUN_STATE_RUNNING)
    await until(lambda: len(marked(marker)) >= 2)
    cancelling = await runner.cancel(run.name)
    assert cancelling.state == states.RUN_STATE_CANCELLING
    events = await runner.events(run.name)
    assert members(running.process_group) == []
    assert not marked(marker)
    assert changes_of(events)[-2:] == [states.RUN_STATE_CANCELLING, states.RUN_STATE_CANCELLED]
    ended = await runner.cancel(run.name)
    assert ended.state == states.RUN_STATE_CANCELLED
    assert ended.failure.reason == reasons.ERROR_REASON_RUN_CANCELLED
    assert ended.failure.disposition == failure_pb2.FAILURE_DISPOSITION_PERSON


async def test_a_run_is_cancelled_at_any_moment(runner: Caller, tmp_path: pathlib.Path) -> None:
    for pause_s in (0.0, 0.002, 0.004, 0.006, 0.01, 0.02):
        run = await runner.start(f"touch {tmp_path}/ran; sleep 1000")
        await asyncio.sleep(pause_s)
        await runner.cancel(run.name)
        assert (await runner.end(run.name)).state == states.RUN_STATE_CANCELLED
        assert not marked(run.name)


async def test_a_run_that_waits_for_its_repository_is_cancelled_at_once(runner: Caller) -> None:
    async def never_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await ended.wait()
        writer.close()

    connected, ended = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(never_answer, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    uri = f"git://127.0.0.1:{port}/repository"
    run = await runner.start("true", workspace=run_pb2.Workspace(repository_uri=uri))
    async with asyncio.timeout(20):
        await connected.wait()
    assert (await runner.get(run.name)).state == states.RUN_STATE_PREPARING
    await runner.cancel(run.name)
    assert (await runner.end(run.name)).state == states.RUN_STATE_CANCELLED
    assert not [p for p in psutil.process_iter(["cmdline"]) if uri in (p.info["cmdline"] or [])]
    ended.set()
    server.close()


async def test_many_runs_at_once(runner: Caller) -> None:
    started = [await runner.start(f"echo {number}; sleep 0.2") for number in range(30)]
    ended = await asyncio.gather(*(runner.end(run.name) for run in started))
    assert {run.state for run in ended} == {states.RUN_STATE_SUCCEEDED}
    outputs = await asyncio.gather(*(runner.output(run.name) for run in ended))
    assert outputs == [b"%d\n" % number for number in range(30)]


async def test_the_same_request_starts_one_run(runner: Caller) -> None:
    spec = run_pb2.RunSpec(agent="command", command_line="echo once")

    def request(**changes: Any) -> run_service_pb2.StartRunRequest:
        fields: dict[str, Any] = {"parent": runner.parent, "spec": spec, **changes}
        return run_service_pb2.StartRunRequest(**fields)

    first = (await runner.stub.StartRun(request(run_id="r1", request_id="q1"))).run
    assert (
        await runner.stub.StartRun(request(run_id="r1", request_id="q1"))
    ).run.name == first.name
    assert (await runner.stub.StartRun(request(run_id="r1"))).run.name == first.name
    other = run_pb2.RunSpec(agent="command", command_line="echo other")
    for again, reason in (
        (request(run_id="r1", spec=other), "ALREADY_EXISTS"),
        (request(run_id="r1", request_id="q1", spec=other), "REQUEST_ID_REUSED"),
        (request(run_id="r2", request_id="q1"), "REQUEST_ID_REUSED"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await runner.stub.StartRun(again)
        assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
        assert reason_of(caught.value) == reason
    await runner.end(first.name)
    assert await runner.output(first.name) == b"once\n"


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"agent": "nobody"}, "UNKNOWN_AGENT", "command, git"),
        ({"agent": "command", "command_line": " "}, "INVALID_REQUEST", "needs a command line"),
        ({"agent": "git"}, "INVALID_REQUEST", "needs a repository"),
        ({"command_line": "a\0b"}, "INVALID_REQUEST", "NUL"),
        ({"task": "clients/other/projects/x/tasks/t"}, "INVALID_REQUEST", "same project"),
        (
            {"workspace": run_pb2.Workspace(patch_runs=["clients/other/projects/x/runs/r"])},
            "INVALID_REQUEST",
            "same project",
        ),
    ],
)
async def test_bad_requests_are_refused(
    runner: Caller, spec: dict[str, Any], reason: str, words: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await runner.start(**({"command_line": "true"} | spec))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(caught.value) == reason
    assert words in (caught.value.details() or "")


async def test_what_is_not_there_is_not_found(runner: Caller) -> None:
    name = f"{runner.parent}/runs/none"
    run = await runner.run("true")
    for call in (
        runner.get(name),
        runner.cancel(name),
        runner.output(name),
        runner.frames(name),
        runner.artifact(run.name, "other.txt"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_runs_are_listed(runner: Caller) -> None:
    task = f"{runner.parent}/tasks/t1"
    good = await runner.run("true", task=task)
    bad = await runner.run("false", task=task)
    await runner.run("true")

    async def names(**asked: Any) -> list[str]:
        request = run_service_pb2.ListRunsRequest(parent=runner.parent, **asked)
        return [run.name for run in (await runner.stub.ListRuns(request)).runs]

    assert await names(filter=f'task = "{task}"') == [bad.name, good.name]
    assert await names(filter='state = "FAILED"') == [bad.name]
    assert len(await names()) == 3


async def test_many_readers_follow_the_same_output(runner: Caller) -> None:
    run = await runner.start("for n in 1 2 3 4 5; do echo line $n; sleep 0.05; done")
    whole = b"".join(b"line %d\n" % number for number in range(1, 6))
    readers = await asyncio.gather(*(runner.output(run.name) for _ in range(20)))
    assert set(readers) == {whole}
    assert await runner.output(run.name, offset_bytes=7) == whole[7:]
    assert await runner.output(run.name, offset_bytes=1000) == b""
    assert await runner.output(run.name, follow=False) == whole


async def test_without_follow_a_tail_ends_at_what_is_there(runner: Caller) -> None:
    run = await runner.start("echo now; sleep 1000")
    async with asyncio.timeout(20):
        while not await runner.output(run.name, follow=False):
            await asyncio.sleep(0.02)
    assert await runner.output(run.name, follow=False) == b"now\n"
    await runner.cancel(run.name)
    assert await runner.output(run.name) == b"now\n"


async def test_a_large_output_comes_in_pieces(runner: Caller) -> None:
    run = await runner.run("head -c 1000000 /dev/zero")
    request = run_service_pb2.TailLogsRequest(name=run.name, follow=True)
    sizes = [len(piece.data) async for piece in runner.stub.TailLogs(request)]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 64 * 1024


async def test_a_watch_resumes_from_each_frame(runner: Caller) -> None:
    run = await runner.run("true", task=f"{runner.parent}/tasks/t1")
    await runner.run("true", task=f"{runner.parent}/tasks/t1")  # the task's story goes on
    frames = await runner.frames(run.name)
    ids = [frame.event.event_id for frame in frames if frame.HasField("event")]
    assert len(ids) == 3
    for seen, frame in enumerate(frames[:3], start=1):
        rest = await runner.frames(run.name, frame.cursor)
        assert [f.event.event_id for f in rest if f.HasField("event")] == ids[seen:]


async def test_a_job_reports(runner: Caller, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "report.py"
    script.write_text("""\
import os, grpc
from adjutant.agent_runner.v1 import run_service_pb2, run_service_pb2_grpc
with grpc.insecure_channel(os.environ["ADJUTANT_RUNNER_ADDRESS"]) as channel:
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    for percent in range(0, 101):
        runs.ReportRun(run_service_pb2.ReportRunRequest(
            name=os.environ["ADJUTANT_RUN"],
            report_token=os.environ["ADJUTANT_REPORT_TOKEN"],
            percent=percent,
            message=f"at {percent}",
        ))
""")
    run = await runner.run(f"{sys.executable} {script}")
    assert run.state == states.RUN_STATE_SUCCEEDED, await runner.output(run.name)
    events = await runner.events(run.name)
    said = [event.run_progress for event in events if event.HasField("run_progress")]
    assert said[-1].percent == 100
    assert len(said) < 50  # a hundred reports are not a hundred events
    assert (run.percent, run.message) == (100, "at 100")


async def test_a_report_with_a_wrong_token_is_refused(runner: Caller) -> None:
    run = await runner.start("sleep 1000")
    request = run_service_pb2.ReportRunRequest(name=run.name, report_token="guess", percent=5)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await runner.stub.ReportRun(request)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(caught.value) == "INVALID_REPORT_TOKEN"
    assert "guess" not in (caught.value.details() or "")
    await runner.cancel(run.name)
    await runner.end(run.name)


async def test_changes_go_from_run_to_run_and_into_a_commit(
    runner: Caller, repository: pathlib.Path
) -> None:
    def workspace(*patch_runs: str, revision: str = "") -> run_pb2.Workspace:
        return run_pb2.Workspace(
            repository_uri=str(repository), revision=revision, patch_runs=patch_runs
        )

    a = await runner.run("sed -i.old s/one/ONE/ file; rm file.old", workspace=workspace())
    b = await runner.run("grep ONE file && echo b > new", workspace=workspace(a.name))
    assert [*a.changed_files, *b.changed_files] == ["file", "new"]
    assert a.base_sha == shell("git rev-parse main", repository)
    commit: dict[str, Any] = {
        "agent": "git",
        "command_line": "",
        "workspace": workspace(a.name, b.name, revision=a.base_sha),
        "commit": run_pb2.CommitSpec(
            branch="adjutant/t1", message="Do it\n\nAs planned", time={"seconds": 1_800_000_000}
        ),
    }
    made = await runner.run(**commit)
    assert made.state == states.RUN_STATE_SUCCEEDED, await runner.output(made.name)
    assert made.commit_sha == shell("git rev-parse adjutant/t1", repository)
    assert shell("git show adjutant/t1:file", repository) == "ONE\ntwo\nthree"
    shown = shell("git log -1 --format='%an|%ct|%at|%P|%B' adjutant/t1", repository)
    assert shown == f"Adjutant|1800000000|1800000000|{a.base_sha}|Do it\n\nAs planned"
    assert (repository / "file").read_text() == "one\ntwo\nthree\n"
    again = await runner.run(**commit)
    assert again.state == states.RUN_STATE_SUCCEEDED
    assert again.commit_sha == made.commit_sha


async def test_a_conflict_names_the_run(runner: Caller, repository: pathlib.Path) -> None:
    def workspace(*patch_runs: str) -> run_pb2.Workspace:
        return run_pb2.Workspace(repository_uri=str(repository), patch_runs=patch_runs)

    a = await runner.run("echo a > file", workspace=workspace())
    b = await runner.run("echo b > file", workspace=workspace())
    both = await runner.run("true", workspace=workspace(a.name, b.name))
    assert both.failure.reason == reasons.ERROR_REASON_PATCH_CONFLICT
    assert b.name in both.failure.message
    assert "file" in both.failure.message


@pytest.mark.parametrize(
    ("branch", "prepare", "words"),
    [
        ("main", "true", "branch is currently checked out"),
        (
            "next",
            "git checkout -qb next; git commit -qm x --allow-empty; git checkout -q main",
            "rejected",
        ),
    ],
)
async def test_a_refused_commit_is_told_in_gits_words(
    runner: Caller, repository: pathlib.Path, branch: str, prepare: str, words: str
) -> None:
    workspace = run_pb2.Workspace(repository_uri=str(repository), revision="main")
    change = await runner.run("echo a > file", workspace=workspace)
    shell(prepare, repository)
    workspace.patch_runs.append(change.name)
    commit = run_pb2.CommitSpec(branch=branch, message="x", time={"seconds": 1})
    run = await runner.run(agent="git", workspace=workspace, commit=commit)
    assert run.failure.reason == reasons.ERROR_REASON_COMMIT_FAILED
    assert words in run.failure.message
    assert run.commit_sha == ""


async def test_nothing_to_commit_is_told(runner: Caller, repository: pathlib.Path) -> None:
    workspace = run_pb2.Workspace(repository_uri=str(repository))
    commit = run_pb2.CommitSpec(branch="b", message="x", time={"seconds": 1})
    run = await runner.run(agent="git", workspace=workspace, commit=commit)
    assert run.failure.reason == reasons.ERROR_REASON_COMMIT_FAILED
    assert "nothing to commit" in run.failure.message


async def test_nothing_of_a_run_stays_behind(runner: Caller, runs_folder: pathlib.Path) -> None:
    run = await runner.run("echo out; echo made > made")
    await until(lambda: not (runs_folder / job_id_of(run.name)).exists())


async def test_what_comes_back_of_a_run_that_has_ended_is_removed_again(
    runner: Caller, runs_folder: pathlib.Path
) -> None:
    """As a replica leaves it that was paused in its preparations, and went on after the end."""
    run = await runner.run("true")
    folder = runs_folder / job_id_of(run.name)
    await until(lambda: not folder.exists())
    (folder / "by-1" / "workspace").mkdir(parents=True)
    await until(lambda: not folder.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="open files are read from /proc")
async def test_followed_logs_leave_no_file_open(runner: Caller) -> None:
    for _ in range(3):
        run = await runner.start("echo hello; sleep 0.1")
        assert await runner.output(run.name) == b"hello\n"
    doorbells = f"runs/{runner.parent.split('/')[1]}.{runner.parent.split('/')[-1]}."
    await until(lambda: not [path for path in open_files() if doorbells in path])


async def test_a_run_that_was_cancelled_before_it_was_started_never_starts(
    runner: Caller, tmp_path: pathlib.Path
) -> None:
    name = f"{runner.parent}/runs/late"
    cancel = run_service_pb2.CancelRunRequest(name=name)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await runner.stub.CancelRun(cancel)
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND

    cancel.allow_missing = True
    for _ in range(2):
        forestalled = (await runner.stub.CancelRun(cancel)).run
        assert forestalled.state == states.RUN_STATE_CANCELLED
        assert forestalled.failure.reason == reasons.ERROR_REASON_RUN_CANCELLED

    spec = run_pb2.RunSpec(agent="command", command_line=f"touch {tmp_path}/ran")
    start = run_service_pb2.StartRunRequest(parent=runner.parent, run_id="late", spec=spec)
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await runner.stub.StartRun(start)
    assert late.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert (await runner.get(name)).state == states.RUN_STATE_CANCELLED
    assert not (tmp_path / "ran").exists()


async def test_a_run_whose_end_cannot_be_taken_in_ends_all_the_same(runner: Caller) -> None:
    ended = await runner.run("echo broken > ../workspace.json")
    assert ended.state == states.RUN_STATE_FAILED
    assert ended.failure.reason == reasons.ERROR_REASON_INTERNAL
    assert ended.failure.disposition == failure_pb2.FAILURE_DISPOSITION_WORK, "not run once more"


async def test_the_runners_own_folder_is_no_repository(
    runner: Caller, runs_folder: pathlib.Path
) -> None:
    """A path into it would be a way to what the runner fetched for others."""
    for uri in (str(runs_folder.parent / "mirrors" / "x.git"), f"file://{runs_folder}"):
        workspace = run_pb2.Workspace(repository_uri=uri)
        run = await runner.run("true", workspace=workspace)
        assert run.failure.reason == reasons.ERROR_REASON_REPOSITORY_NOT_FOUND
        assert "own folder" in run.failure.message
