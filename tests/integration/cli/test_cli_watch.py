"""Following a task: in a pipe, as JSON, and at a terminal (a real pseudo-terminal)."""

import asyncio
import contextlib
import json
import os
import pathlib
import pty
import re
import signal

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as parts
from adjutant.event.v1 import approval_events_pb2, event_pb2, run_events_pb2, task_events_pb2
from adjutant.orchestrator.v1 import approval_pb2, task_pb2
from tests.doubles.mesh import PROJECT, MeshDouble
from tests.integration.cli.conftest import PROGRAM, Cli, environment

TASK = f"{PROJECT}/tasks/t"
PLAN = "- [ ] greet\n  run: echo hello\n"


def _run_events(mesh: MeshDouble, run: run_pb2.Run) -> None:
    step = parts.Step(number=1, title="greet", state=parts.STEP_STATE_RUNNING, run=run.name)
    mesh.add_event(TASK, step_state_changed=task_events_pb2.StepStateChanged(step=step))
    running = run_events_pb2.RunStateChanged(state=run_states.RUN_STATE_RUNNING)
    mesh.add_event(run.name, run_state_changed=running)
    said = run_events_pb2.RunProgress(percent=50, message="half way")
    mesh.add_event(run.name, run_progress=said)
    ended = run_events_pb2.RunStateChanged(state=run_states.RUN_STATE_SUCCEEDED, exit_code=0)
    mesh.add_event(run.name, run_state_changed=ended)
    step.state = parts.STEP_STATE_SUCCEEDED
    mesh.add_event(TASK, step_state_changed=task_events_pb2.StepStateChanged(step=step))


def _whole_task(mesh: MeshDouble, end: str = "COMPLETED") -> None:
    mesh.add_task("t", title="A plan")
    mesh.add_state(TASK, "QUEUED")
    _run_events(mesh, mesh.add_run("r1", output=b"hello\nworld"))
    mesh.add_state(TASK, end)


def _asks(mesh: MeshDouble, task: str = TASK) -> None:
    """Let the task ask for an approval, and end when it is answered."""
    approval = mesh.add_approval("ap-1", task=task)
    asked = approval_events_pb2.ApprovalRequested(title=approval.title)
    mesh.add_event(approval.name, approval_requested=asked)

    def decided(answered: approval_pb2.Approval) -> None:
        resolved = approval_events_pb2.ApprovalResolved(
            state=answered.state,
            decided_by=approval_states.APPROVAL_DECIDER_PERSON,
            decider="users/ada",
        )
        mesh.add_event(answered.name, approval_resolved=resolved)
        said_yes = answered.state == approval_states.APPROVAL_STATE_APPROVED
        mesh.add_state(task, "COMPLETED" if said_yes else "FAILED")

    mesh.on_decide = decided


async def test_in_a_pipe_each_change_and_each_line_of_output_is_a_line(
    cli: Cli, mesh: MeshDouble
) -> None:
    _whole_task(mesh)
    done = await cli("watch", "t")
    assert done.code == 0
    assert "\x1b" not in done.out
    said = [re.sub(r"^[0-9:]{8} ", "", line) for line in done.out.splitlines()]
    assert said == [
        "task  QUEUED",
        "step 1  RUNNING  greet",
        "[1]  50 %  half way",
        "[1] hello",
        "[1] world",
        "step 1  SUCCEEDED  greet",
        "task  COMPLETED",
        "Task t is COMPLETED.",
    ]


async def test_json_is_every_frame_and_at_last_the_task(cli: Cli, mesh: MeshDouble) -> None:
    _whole_task(mesh, "FAILED")
    done = await cli("watch", "t", "--json")
    assert done.code == 1
    *frames, task = [json.loads(line) for line in done.out.splitlines()]
    assert [frame["cursor"] for frame in frames] == [str(n) for n in range(1, 8)]
    assert frames[0]["event"]["taskStateChanged"]["state"] == "TASK_STATE_QUEUED"
    assert task["name"] == TASK
    assert task["state"] == "TASK_STATE_FAILED"
    later = await cli("watch", "t", "--json", "--cursor", "6")
    assert [json.loads(line)["cursor"] for line in later.out.splitlines()[:-1]] == ["7"]


async def test_without_a_terminal_an_approval_is_told_and_waited_for(
    cli: Cli, mesh: MeshDouble
) -> None:
    def begin(task: task_pb2.Task) -> None:
        _asks(mesh, task.name)

    mesh.on_submit = begin
    watching = asyncio.ensure_future(cli("new", PLAN, "--watch"))
    while "ListApprovals" not in mesh.calls:
        await asyncio.sleep(0.02)
        assert not watching.done(), watching.result()
    denied = await cli("deny", "ap-1", "--reason", "no")
    assert denied.code == 0
    done = await watching
    assert done.code == 1
    assert "Answer it: adjutant approve ap-1" in done.out
    assert "DENIED  by users/ada" in done.out


async def test_ctrl_c_leaves_the_task_and_tells_how_to_go_on(mesh: MeshDouble) -> None:
    mesh.add_task("t", "QUEUED")
    mesh.add_state(TASK, "QUEUED")
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "watch",
        "t",
        env=environment(mesh.address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert "adjutant watch t --cursor 1" in out.decode()
    assert err == b""
    assert mesh.tasks[TASK].state == parts.TASK_STATE_QUEUED


async def test_events_go_on_until_ctrl_c_and_can_be_filtered(mesh: MeshDouble) -> None:
    mesh.add_task("t")
    mesh.add_state(TASK, "QUEUED")
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *("events", "--from-start", "--kind", "task-state-changed", "--json"),
        env=environment(mesh.address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    frames = [json.loads(await process.stdout.readline()) for _ in range(2)]
    assert [set(frame) - {"cursor"} for frame in frames] == [{"event"}, {"live"}]
    assert list(mesh.requests[0].kinds) == [event_pb2.EVENT_KIND_TASK_STATE_CHANGED]
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert err == b""


async def test_a_reader_that_has_seen_enough_ends_it_in_silence(mesh: MeshDouble) -> None:
    _whole_task(mesh)
    process = await asyncio.create_subprocess_shell(
        f"{PROGRAM} watch t --json | head -n 1",
        env=environment(mesh.address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert out.count(b"\n") == 1
    assert err == b""


class Terminal:
    """A program at a pseudo-terminal."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.seen = ""
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # what Linux says when the program has closed its side
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self.seen += data.decode(errors="replace")

    async def until(self, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in self.seen:
                await asyncio.sleep(0.02)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    async def end(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 30)
        with contextlib.suppress(ValueError):
            asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        return code


async def _at_terminal(mesh: MeshDouble, *arguments: str) -> Terminal:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        env=environment(mesh.address, TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    return Terminal(process, ours)


async def test_at_a_terminal_the_approval_is_asked_for_and_answered(mesh: MeshDouble) -> None:
    mesh.add_task("t", "WAITING_FOR_USER", title="A plan")
    mesh.add_state(TASK, "WAITING_FOR_USER")
    _asks(mesh)
    mesh.approvals[f"{PROJECT}/approvals/ap-1"].commit.patches.add(run=f"{PROJECT}/runs/r1")
    mesh.add_run("r1", patch=b"+++ the change\n")
    terminal = await _at_terminal(mesh, "watch", "t")
    await terminal.until("Approve? [y]es")
    assert "files       a.txt" in terminal.seen
    terminal.type("s\n")
    await terminal.until("+++ the change")
    terminal.type("y\n")
    assert await terminal.end() == 0
    assert "COMPLETED" in terminal.seen


async def test_at_a_terminal_the_question_is_taken_back_when_somebody_else_answers(
    cli: Cli, mesh: MeshDouble
) -> None:
    mesh.add_task("t", "WAITING_FOR_USER", title="A plan")
    _asks(mesh)
    terminal = await _at_terminal(mesh, "watch", "t")
    await terminal.until("Approve? [y]es")
    assert (await cli("approve", "ap-1")).code == 0
    assert await terminal.end() == 0
    assert "APPROVED" in terminal.seen


async def test_at_a_terminal_there_is_a_live_picture(
    mesh: MeshDouble, tmp_path: pathlib.Path
) -> None:
    _whole_task(mesh)
    terminal = await _at_terminal(mesh, "watch", "t")
    assert await terminal.end() == 0
    assert "hello" in terminal.seen
    assert "\x1b[" in terminal.seen
    assert "1/1" in terminal.seen
