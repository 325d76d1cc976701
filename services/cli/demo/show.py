"""What the demo does, step by step, and what it says of it."""

import asyncio
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from typing import Final

from rich.console import Console

from adjutant_messages.adjutant.orchestrator.v1 import Approval, Repository, Task
from services import client as api
from services.cli import exits
from services.cli.approval_view import show_action
from services.cli.ask import show_change
from services.cli.demo import repository
from services.cli.demo.mesh import own_mesh
from services.cli.follow import Follower
from services.cli.render import steps_table
from services.cli.session import Session
from services.ports import free_port_base

_READING_PAUSE_S: Final = 1.5
_TIMEOUT_S: Final = 180.0
_CANCEL_TIMEOUT_S: Final = 15.0


def main(*, keep: bool = False) -> int:
    """Run the demo and return the exit code; with `keep`, leave its directory for a look."""
    if shutil.which("git") is None:
        exits.complain("the demo needs git; install it and try again")
        return exits.BAD_USE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="adjutant-demo-")).resolve()
    try:
        return asyncio.run(asyncio.wait_for(_interruptible(folder), _TIMEOUT_S))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nThe demo was stopped; what it started is gone.")
        return exits.INTERRUPTED
    except exits.BadUseError as error:
        exits.complain(str(error))
        return exits.UNREACHABLE
    except TimeoutError:
        exits.complain(f"the demo did not end within {_TIMEOUT_S:g} s; what it said is above")
        return exits.TASK_FAILED
    except api.AdjutantError as error:
        exits.complain(str(error))
        return exits.code_of(error)
    finally:
        if keep:
            print(f"The demo's directory is {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _interruptible(folder: pathlib.Path) -> int:
    me = asyncio.current_task()
    if me is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, me.cancel)
    return await _Demo(folder).run()


class _Demo:
    """One run of the demo in a folder of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._repository = folder / "repository"
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
        self._began = time.monotonic()

    async def run(self) -> int:
        """Go the whole way and return the exit code."""
        self._heading("A git repository with a test that fails")
        repository.make_repository(self._repository)
        self._test()
        self._heading("A plan, as a Markdown checklist")
        self._say(repository.PLAN)
        self._heading("A mesh on this machine: `adjutant up`")
        port_base = free_port_base()
        async with own_mesh(self._folder / "data", port_base) as said:
            self._say(said.read_text())
            addresses = {"orchestrator": 1, "agent_runner": 2}
            where = [f"{name}=127.0.0.1:{port_base + at}" for name, at in addresses.items()]
            owner = (self._folder / "data" / "owner.token").read_text().strip()
            async with api.Adjutant(*where, token=owner, platform="cli") as adjutant:
                return await self._task(Session(adjutant, self._console))

    async def _task(self, session: Session) -> int:
        self._heading("The task: `adjutant new --plan plan.md --repo . --watch`")
        api.start_trace()
        adjutant, began = session.adjutant, time.monotonic()
        place = Repository(uri=str(self._repository), branch=repository.BRANCH)
        task = await adjutant.tasks.submit(repository.PLAN, repository=place)
        accepted_s = time.monotonic() - began

        async def answer(approval: Approval) -> None:
            await self._answer(session, approval)

        try:
            async with Follower(session, task.name, answer) as follower:
                async for frame in adjutant.tasks.watch(task.name):
                    await follower.take(frame)
        except asyncio.CancelledError:
            await _cancel(adjutant, task.name)
            raise
        return self._outcome(await adjutant.tasks.get(task.name), accepted_s)

    async def _answer(self, session: Session, approval: Approval) -> None:
        """Decide as a person would: look at the change, then say yes."""
        self._heading("It asks before it commits: `adjutant approve APPROVAL`")
        show_action(session, approval)
        await show_change(session, approval)
        await asyncio.sleep(_READING_PAUSE_S)
        self._console.print("The demo answers: approve", style="bold green")
        await session.adjutant.approvals.approve(
            approval.name, digest=approval.action_digest, reason="looks right"
        )

    def _outcome(self, task: Task, accepted_s: float) -> int:
        if task.commit is None:
            failure = task.failure.message if task.failure else "it made no commit"
            exits.complain(f"the demo's task is {task.state.name}: {failure}")
            return exits.TASK_FAILED
        self._heading("The commit, on its branch")
        self._say(repository.git(self._repository, "log", "--stat", "-1", task.commit.branch))
        repository.git(self._repository, "checkout", "--quiet", task.commit.branch)
        passes = self._test()
        self._heading("How long it took")
        self._console.print(steps_table(task.steps))
        self._say(
            f"accepted in {accepted_s * 1000:.0f} ms, all in all "
            f"{time.monotonic() - self._began:.1f} s with the start of the mesh"
        )
        self._heading("Go on by hand")
        self._say(_BY_HAND)
        return exits.DONE if passes else exits.TASK_FAILED

    def _test(self) -> bool:
        passes, last = repository.run_test(self._repository)
        self._console.print(
            f"$ {' '.join(repository.TEST_COMMAND)}\n{last}", style="green" if passes else "red"
        )
        return passes

    def _heading(self, text: str) -> None:
        self._console.print(f"\n== {text}", style="bold", markup=False)

    def _say(self, text: str) -> None:
        self._console.print(text.strip(), markup=False, soft_wrap=True)


async def _cancel(adjutant: api.Adjutant, task: str) -> None:
    """End a task and wait until none of its processes runs; jobs outlive the mesh by design."""
    with contextlib.suppress(api.AdjutantError, TimeoutError):
        await adjutant.tasks.cancel(task)
        await asyncio.wait_for(adjutant.tasks.wait(task), _CANCEL_TIMEOUT_S)


_BY_HAND: Final = """\
In one terminal:   .venv/bin/adjutant up
In another one:    .venv/bin/adjutant new --plan PLAN.md --repo YOUR_REPOSITORY --watch
Then:              .venv/bin/adjutant status     and     .venv/bin/adjutant --help
"""
