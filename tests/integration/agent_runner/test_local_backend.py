"""Jobs as real processes: their start, their output, and above all their end."""

import asyncio
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from services.agent_runner.adapters.job_folder import JobFolder
from services.agent_runner.adapters.subprocess import LocalBackend
from services.agent_runner.backend import JobExit, JobPhase, JobSpec, JobStatus, SpawnError
from tests.integration.agent_runner.processes_seen import alive, marked, members, until

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="a daemon that leaves its group is followed on Linux alone"
)

DAEMON = """\
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(1000)
"""


class Bench:
    """A backend, and what tests do with it."""

    def __init__(self, backend: LocalBackend, folder: pathlib.Path) -> None:
        self.backend = backend
        self.folder = folder
        self.token = uuid.uuid4().hex

    def spec(self, command: str, verify: str = "", **changes: float) -> JobSpec:
        """Make a job that is quick to give up."""
        spec = JobSpec(
            argv=["/bin/sh", "-c", command],
            verify_argv=["/bin/sh", "-c", verify] if verify else [],
            env={"PATH": os.environ["PATH"], "ADJUTANT_REPORT_TOKEN": self.token},
            working_directory=str(self.folder),
            timeout_s=30,
            grace_s=0.3,
            max_output_bytes=100_000,
            heartbeat_interval_s=0.1,
        )
        return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]

    async def start(self, command: str, verify: str = "", **changes: float) -> str:
        """Start a job and return its id."""
        job_id = uuid.uuid4().hex
        self.prepare(job_id, self.spec(command, verify, **changes))
        await self.backend.start(job_id)
        return job_id

    def prepare(self, job_id: str, spec: JobSpec) -> JobSpec:
        """Lay a job down, and return the spec that holds."""
        self.backend.make_folder(job_id)
        return self.backend.prepare(job_id, spec)

    async def end(self, job_id: str) -> JobStatus:
        """Wait until nothing looks after a job any more."""
        async with asyncio.timeout(20):
            while True:
                changed = self.backend.next_change(job_id)
                status = self.backend.status(job_id)
                if status.phase in (JobPhase.ENDED, JobPhase.LOST):
                    return status
                await changed.wait()

    async def run(self, command: str, verify: str = "", **changes: float) -> JobExit:
        """Run a job to its end."""
        status = await self.end(await self.start(command, verify, **changes))
        assert status.exit is not None
        return status.exit

    def output(self, job_id: str) -> str:
        """Read what a job printed."""
        piece = self.backend.read_output(job_id, 0, 10_000_000)
        assert piece is not None
        return piece.data.decode()

    def files(self, job_id: str) -> JobFolder:
        """Give a job's folder."""
        return JobFolder(str(self.folder / "runs" / job_id))

    async def pid_in(self, name: str) -> int:
        """Wait for the process id that a job writes to a file."""
        path = self.folder / name
        await until(lambda: path.exists() and path.read_text().strip())
        return int(path.read_text())

    def shim_of(self, job_id: str) -> int:
        """Find the process id of a job's shim: the parent of the job's process."""
        start = self.backend.status(job_id).start
        assert start is not None
        return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(start.pid)]))


@pytest.fixture
async def bench(tmp_path: pathlib.Path) -> AsyncIterator[Bench]:
    backend = LocalBackend(tmp_path / "runs")
    await backend.open()
    bench = Bench(backend, tmp_path)
    yield bench
    for job_id in backend.jobs():
        backend.request_end(job_id, "cancelled")
    await until(lambda: not marked(bench.token))
    await backend.close()


async def test_a_job_says_what_it_has_to_say_and_ends(bench: Bench) -> None:
    job_id = await bench.start("echo out; echo err >&2; exit 3")
    status = await bench.end(job_id)
    assert status.exit is not None
    assert (status.exit.reason, status.exit.exit_code) == ("ended", 3)
    assert bench.output(job_id) == "out\nerr\n"


async def test_a_job_gets_the_environment_of_its_spec_and_nothing_else(bench: Bench) -> None:
    job_id = await bench.start("env; readlink /proc/self/fd/0; ls /proc/self/fd | wc -l")
    await bench.end(job_id)
    names = {line.partition("=")[0] for line in bench.output(job_id).splitlines() if "=" in line}
    assert names <= {"PATH", "ADJUTANT_REPORT_TOKEN", "PWD", "OLDPWD", "SHLVL", "_"}
    if sys.platform == "linux":
        assert bench.output(job_id).splitlines()[-2:] == ["/dev/null", "4"]


async def test_a_command_that_is_none_ends_with_127(bench: Bench) -> None:
    assert (await bench.run("no-such-command")).exit_code == 127
    direct = bench.spec("")
    bench.prepare("direct", dataclasses.replace(direct, argv=["/no/such/program"]))
    await bench.backend.start("direct")
    status = await bench.end("direct")
    assert status.exit is not None
    assert status.exit.exit_code == 127
    assert "/no/such/program: not found" in bench.output("direct")


async def test_a_signal_is_told_apart(bench: Bench) -> None:
    found = await bench.run("kill -KILL $$")
    assert (found.exit_code, found.signal) == (None, signal.SIGKILL)


async def test_verification_runs_after_success_in_the_same_place(bench: Bench) -> None:
    job_id = await bench.start("echo made > made; echo first", "cat made; exit 4")
    status = await bench.end(job_id)
    assert status.exit is not None
    assert (status.exit.exit_code, status.exit.verify_exit_code) == (0, 4)
    assert bench.output(job_id) == "first\nmade\n"
    assert (await bench.run("exit 1", "exit 4")).verify_exit_code is None


async def test_output_is_bounded_and_the_job_never_blocks(bench: Bench) -> None:
    job_id = await bench.start("head -c 5000000 /dev/zero; echo; echo done >&2; exit 5")
    status = await bench.end(job_id)
    assert status.exit is not None
    assert status.exit.exit_code == 5
    assert status.exit.output_bytes == 100_000
    assert status.exit.dropped_bytes == 5_000_006 - 100_000
    assert bench.output(job_id).endswith(
        "\n[adjutant: 4900006 bytes of output are not kept; the bound is 100000 bytes]\n"
    )


async def test_time_is_up(bench: Bench) -> None:
    job_id = await bench.start("sleep 1000", timeout_s=0.3)
    status = await bench.end(job_id)
    assert status.exit is not None
    assert (status.exit.reason, status.exit.exit_code) == ("timeout", None)
    assert not marked(bench.token)


async def test_the_end_spares_nobody_of_the_group(bench: Bench) -> None:
    job_id = await bench.start("trap '' TERM; sleep 1000 & (sleep 1000 & sleep 1000) & wait; wait")
    start = bench.backend.status(job_id).start
    assert start is not None
    await until(lambda: len(members(start.process_group)) >= 4)
    bench.backend.request_end(job_id, "cancelled")
    status = await bench.end(job_id)
    assert members(start.process_group) == []
    assert not marked(bench.token)
    assert status.exit is not None
    assert status.exit.reason == "cancelled"


@linux_only
async def test_the_end_reaches_daemons_in_sessions_of_their_own(bench: Bench) -> None:
    (bench.folder / "daemon.py").write_text(DAEMON)
    command = f"{sys.executable} daemon.py daemon; setsid sleep 1000 & sleep 1000"
    job_id = await bench.start(command)
    daemon = await bench.pid_in("daemon")
    assert alive(daemon)
    bench.backend.request_end(job_id, "cancelled")
    await bench.end(job_id)
    assert not alive(daemon)
    assert not marked(bench.token)


@linux_only
async def test_what_a_job_leaves_behind_ends_with_it(bench: Bench) -> None:
    (bench.folder / "daemon.py").write_text(DAEMON)
    wait = "until [ -s daemon ]; do sleep 0.02; done"
    job_id = await bench.start(f"{sys.executable} daemon.py daemon; {wait}; sleep 1000 & echo done")
    daemon = await bench.pid_in("daemon")
    status = await bench.end(job_id)
    assert status.exit is not None
    assert (status.exit.reason, status.exit.exit_code) == ("ended", 0)
    assert not alive(daemon)
    assert not marked(bench.token)


async def test_a_stopped_job_ends_too(bench: Bench) -> None:
    job_id = await bench.start("sleep 1000 & kill -STOP $$")
    bench.backend.request_end(job_id, "cancelled")
    await bench.end(job_id)
    assert not marked(bench.token)


async def test_a_job_starts_at_most_once(bench: Bench) -> None:
    job_id = "once"
    bench.prepare(job_id, bench.spec("echo started >> starts; sleep 0.3"))
    await asyncio.gather(*(bench.backend.start(job_id) for _ in range(5)))
    await bench.backend.start(job_id)
    await bench.end(job_id)
    await bench.backend.start(job_id)
    await asyncio.sleep(0.3)
    assert (bench.folder / "starts").read_text() == "started\n"


async def test_a_job_that_is_cancelled_before_its_start_never_starts(bench: Bench) -> None:
    bench.prepare("never", bench.spec("touch ran"))
    bench.backend.request_end("never", "cancelled")
    await bench.backend.start("never")
    status = await bench.end("never")
    assert status.exit is not None
    assert status.exit.reason == "cancelled"
    assert status.start is None
    assert not (bench.folder / "ran").exists()


async def test_heartbeats_tell_of_computing_and_repeating(bench: Bench) -> None:
    job_id = await bench.start("while :; do echo again; done & sleep 1000")
    files = bench.files(job_id)
    await until(lambda: (beat := files.heartbeat()) and beat.cpu_time_s > 0.1 and beat.repeats > 20)
    beat = files.heartbeat()
    assert beat is not None
    assert beat.output_bytes > 0
    bench.backend.request_end(job_id, "stuck")
    status = await bench.end(job_id)
    assert status.exit is not None
    assert status.exit.reason == "stuck"


async def test_the_death_of_the_spawner_harms_nobody(bench: Bench) -> None:
    before = await bench.start("until [ -e go ]; do sleep 0.02; done; echo survived")
    first = bench.backend.spawner_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    after = await bench.start("echo started")
    assert bench.backend.spawner_pid != first
    (bench.folder / "go").touch()
    for job_id, words in ((before, "survived\n"), (after, "started\n")):
        status = await bench.end(job_id)
        assert status.exit is not None
        assert status.exit.exit_code == 0
        assert bench.output(job_id) == words


async def test_shims_that_wait_end_with_the_spawner(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for end in ("close", "kill"):
        backend = LocalBackend(tmp_path / "runs")
        await backend.open()
        await until(lambda: len(marked(str(tmp_path))) == 5)  # the spawner, and four that wait
        if end == "kill":
            assert backend.spawner_pid is not None
            os.kill(backend.spawner_pid, signal.SIGKILL)
        else:
            await backend.close()
        await until(lambda: not marked(str(tmp_path)))
        await backend.close()


async def test_a_waiting_shim_that_is_killed_is_replaced(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    backend = LocalBackend(tmp_path / "runs")
    await backend.open()
    bench = Bench(backend, tmp_path)
    await until(lambda: len(marked(str(tmp_path))) == 5)
    for pid in marked(str(tmp_path)):
        if pid != backend.spawner_pid:
            os.kill(pid, signal.SIGKILL)
    assert (await bench.run("exit 3")).exit_code == 3
    await backend.close()


async def test_jobs_outlive_the_backend_and_are_found_again(bench: Bench) -> None:
    running = await bench.start("sleep 0.6; echo late; exit 6")
    ended = await bench.start("sleep 0.1; exit 7")
    await bench.backend.close()
    other = LocalBackend(bench.folder / "runs")
    await other.open()
    assert other.status(running).phase is JobPhase.RUNNING
    await until(lambda: other.status(ended).phase is JobPhase.ENDED)
    await until(lambda: other.status(running).phase is JobPhase.ENDED)
    exits = [other.status(job_id).exit for job_id in (running, ended)]
    assert [found.exit_code for found in exits if found] == [6, 7]
    assert bench.output(running) == "late\n"
    await other.close()


@linux_only
async def test_a_lost_job_is_buried(bench: Bench) -> None:
    (bench.folder / "daemon.py").write_text(DAEMON)
    job_id = await bench.start(f"{sys.executable} daemon.py daemon; sleep 1000 & sleep 1000")
    daemon = await bench.pid_in("daemon")
    os.kill(bench.shim_of(job_id), signal.SIGKILL)
    await until(lambda: bench.backend.status(job_id).phase is JobPhase.LOST)
    assert alive(daemon)  # nobody looks after it any more
    assert await bench.backend.bury(job_id) >= 2
    assert not alive(daemon)
    assert not marked(bench.token)
    assert bench.backend.status(job_id).phase is JobPhase.LOST


@linux_only
async def test_the_death_of_the_shim_ends_the_command(bench: Bench) -> None:
    job_id = await bench.start("exec sleep 1000")
    start = bench.backend.status(job_id).start
    assert start is not None
    os.kill(bench.shim_of(job_id), signal.SIGKILL)
    await until(lambda: not alive(start.pid))


async def test_a_machine_that_shuts_down_is_told_apart(bench: Bench) -> None:
    job_id = await bench.start("sleep 1000")
    os.kill(bench.shim_of(job_id), signal.SIGTERM)
    status = await bench.end(job_id)
    assert status.exit is not None
    assert status.exit.reason == "terminated"


async def test_a_job_whose_folder_is_removed_ends(bench: Bench) -> None:
    job_id = await bench.start("sleep 1000")
    await bench.backend.remove(job_id)
    await until(lambda: not marked(bench.token))


async def test_a_folder_that_cannot_be_used_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.agent_runner.adapters.subprocess._START_TIMEOUT_S", 0.5)
    bench.prepare("bad", bench.spec("true"))
    (bench.folder / "runs" / "bad" / "output.log").mkdir()
    with pytest.raises(SpawnError, match="did not start the job: IsADirectoryError"):
        await bench.backend.start("bad")
    await until(lambda: not marked(bench.token))


async def test_starting_is_fast(bench: Bench) -> None:
    samples = []
    for _ in range(20):
        begun = time.monotonic()
        job_id = await bench.start("true")
        samples.append(time.monotonic() - begun)
        await bench.end(job_id)
    # An interpreter start per job would cost more than this on any machine of today.
    assert sorted(samples)[10] < 0.2
