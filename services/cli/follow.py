"""Following a task to its end: frames, what its runs print, and its approvals."""

from __future__ import annotations

import asyncio
import codecs
from typing import TYPE_CHECKING, Final, Self

from services.cli import exits
from services.cli.ask import ask, can_ask, tell_how_to_answer
from services.cli.render import show_outcome
from services.cli.screen import Screen
from services.client import AdjutantError, until_reachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adjutant_messages.adjutant.event.v1 import Event, EventFrame
    from adjutant_messages.adjutant.orchestrator.v1 import Approval, Task
    from services.cli.session import Session

    Answer = Callable[[Approval], Awaitable[None]]

_OUTPUT_PATIENCE_S: Final = 5.0


async def follow(session: Session, name: str, *, cursor: str = "", as_json: bool = False) -> int:
    """Follow a task from a cursor or its beginning to its end and return the exit code.

    Ctrl-C stops following, says how to go on, and leaves the task alone.
    """
    last = cursor
    follower: Follower | JsonFollower
    follower = JsonFollower(session) if as_json else Follower(session, name)
    try:
        async with follower:
            async for frame in session.adjutant.tasks.watch(name, cursor=cursor):
                await follower.take(frame)
                last = frame.cursor or last
    except asyncio.CancelledError:
        if not as_json:
            session.say("Stopped watching; the task goes on. Watch on:")
            session.say(f"  adjutant watch {session.reference(name)} --cursor {last}")
        return exits.INTERRUPTED
    task = await until_reachable(lambda: session.adjutant.tasks.get(name))
    if as_json:
        session.print_json(task)
    else:
        show_end(session, task)
    return exits.DONE if task.state.name == "COMPLETED" else exits.TASK_FAILED


def show_end(session: Session, task: Task) -> None:
    """Print how a task ended."""
    session.say(f"Task {session.reference(task.name)} is {task.state.name}.")
    show_outcome(session, task)


class JsonFollower:
    """Prints each frame as one line of JSON."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def take(self, frame: EventFrame) -> None:
        """Print a frame."""
        self._session.print_json(frame)


class Follower:
    """Shows frames, tails the runs that they tell of, and asks for approvals."""

    def __init__(self, session: Session, name: str, answer: Answer | None = None) -> None:
        """Take the task's name, and who answers its approvals; else the person here does."""
        self._session = session
        self._name = name
        self._answer = answer
        self._screen: Screen | None = None
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._questions: dict[str, asyncio.Task[None]] = {}
        self._asking = asyncio.Lock()
        self._is_live = False

    async def __aenter__(self) -> Self:
        task = await self._read_task()
        self._screen = Screen(self._session.console, task)
        self._screen.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        under_way = [*self._tails.values(), *self._questions.values()]
        for work in under_way:
            work.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self.screen.__exit__(None, None, None)

    @property
    def screen(self) -> Screen:
        """The screen, inside the context."""
        if self._screen is None:
            raise RuntimeError("a Follower is used within `async with`")
        return self._screen

    async def take(self, frame: EventFrame) -> None:
        """Show a frame and do what it asks for."""
        event = frame.event
        if event is not None and event.run_state_changed is not None:
            await self._take_run(event)
        self.screen.take(frame)
        if not self.screen.knows_all_steps():
            self.screen.show(await until_reachable(self._read_task))
        if frame.live is not None:
            self._is_live = True
            await self._ask_what_waits()
        elif event is not None and event.approval_requested is not None and self._is_live:
            name = event.resource
            self._ask(await until_reachable(lambda: self._session.adjutant.approvals.get(name)))
        elif event is not None and event.approval_resolved is not None:
            await self._take_back(event.resource)

    async def _take_run(self, event: Event) -> None:
        change, run = event.run_state_changed, event.resource
        if change is None:
            return
        if change.state.name == "RUNNING" and run not in self._tails:
            self._tails[run] = asyncio.create_task(self._tail(run))
        elif change.state.name in ("SUCCEEDED", "FAILED", "CANCELLED") and run in self._tails:
            # Its last lines belong before the line that says how it ended.
            await asyncio.wait([self._tails[run]], timeout=_OUTPUT_PATIENCE_S)

    async def _tail(self, run: str) -> None:
        decoder, rest = codecs.getincrementaldecoder("utf-8")(errors="replace"), ""
        try:
            async for piece in self._session.adjutant.runs.logs(run, follow=True):
                *lines, rest = (rest + decoder.decode(piece)).split("\n")
                for line in lines:
                    self.screen.print_output(run, line)
            if rest:
                self.screen.print_output(run, rest)
        except AdjutantError as error:
            me = self._session.reference(run)
            self._session.say(f"The output cannot be followed: {error}")
            self._session.say(f"  read it later: adjutant logs {me}")

    async def _ask_what_waits(self) -> None:
        waiting = f'state = "PENDING" AND task = "{self._name}"'
        listing = self._session.adjutant.approvals.list

        async def read() -> list[Approval]:
            return [approval async for approval in listing(filter=waiting)]

        for approval in await until_reachable(read):
            self._ask(approval)

    async def _read_task(self) -> Task:
        return await self._session.adjutant.tasks.get(self._name)

    def _ask(self, approval: Approval) -> None:
        if approval.name in self._questions or approval.state.name != "PENDING":
            return
        if self._answer is not None or can_ask():
            self._questions[approval.name] = asyncio.create_task(self._ask_here(approval))
        else:
            tell_how_to_answer(self._session, approval.name)

    async def _ask_here(self, approval: Approval) -> None:
        async with self._asking:
            self.screen.pause()
            try:
                if self._answer is not None:
                    await self._answer(approval)
                else:
                    await ask(self._session, approval)
            except AdjutantError as error:
                self._session.say(f"It cannot be asked here: {error}")
                tell_how_to_answer(self._session, approval.name)
            finally:
                self.screen.resume()

    async def _take_back(self, approval: str) -> None:
        """End the question for an approval that was answered, here or elsewhere."""
        question = self._questions.pop(approval, None)
        if question is not None and not question.done():
            question.cancel()
            await asyncio.gather(question, return_exceptions=True)
