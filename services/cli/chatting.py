"""A conversation on the terminal: what is typed, and answers as they are made."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Final

from services.cli import exits
from services.cli.ask import can_ask, typed
from services.cli.render import plain
from services.client import AdjutantError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adjutant_messages.adjutant.orchestrator.v1 import Response, ResponseFrame
    from services.cli.session import Session

_PROMPT: Final = "> "
_MORE: Final = ". "
_QUOTES: Final = '"""'
"""What begins and ends a message of several lines."""
_UNFINISHED: Final = ("QUEUED", "STREAMING")
_LATEST: Final = 100
"""How many sessions are looked at for an answer that has not ended, the latest ones."""


async def unfinished(session: Session) -> str:
    """Return the name of the session with an answer that has not ended; empty where none has.

    It is the one that was used last.
    """
    left = _LATEST
    async for one in session.adjutant.sessions.list(order_by="update_time desc", page_size=left):
        left -= 1
        if one.state.name == "PROCESSING":
            return one.name
        if not left:
            break
    return ""


class Chatting:
    """Talks in one session. Ctrl-C stops the answer that is made, and else ends the talk.

    Without the name of one, it is made when the first thing is said.
    """

    def __init__(
        self, session: Session, name: str, agent: str, model: str, *, as_json: bool
    ) -> None:
        self._session = session
        self._name = name
        self._agent = agent
        self._model = model
        self._as_json = as_json
        self._told = 0
        """Number of the last message that is not news, of those that tasks tell."""
        self._answering = ""
        self._stopping: asyncio.Task[Response] | None = None
        self._me: asyncio.Task[object] | None = None

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Have Ctrl-C stop answers within the block."""
        loop, self._me = asyncio.get_running_loop(), asyncio.current_task()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def go_on(self) -> int:
        """Show the answers that had not ended; return the exit code of the last one."""
        code = exits.DONE
        if not self._name:
            return code
        left = [
            response
            async for response in self._session.adjutant.responses.list(self._name)
            if response.state.name in _UNFINISHED
        ]
        for response in reversed(left):
            self._say(f"Going on with the answer of {self._session.reference(self._name)}:")
            code = await self._show(response)
        return code

    async def talk(self, text: str | None) -> int:
        """Say a text, or what is typed until there is no more; return the exit code."""
        if text is None and not can_ask():
            text = sys.stdin.read()
        if text is not None:
            if not text.strip():
                raise exits.BadUseError("there is nothing to say; give TEXT, or pipe it in")
            return await self._turn(text)
        where = f"Session {self._session.reference(self._name)}" if self._name else "A new session"
        self._say(f"{where}. Ctrl-C stops an answer, Ctrl-D ends; {_QUOTES} around several lines.")
        if self._name:
            self._told = (await self._session.adjutant.sessions.get(self._name)).message_count
        code = exits.DONE
        try:
            while line := await _typed_message():
                await self._try_turn(line.strip())
        except asyncio.CancelledError:
            code = exits.INTERRUPTED
        if self._name:
            me = self._session.reference(self._name)
            self._say(f"\nGo on later: adjutant chat --session {me}")
        return code

    async def _try_turn(self, text: str) -> None:
        """Say a text and show the answer, or why there is none: the talk goes on either way."""
        try:
            if text:
                await self._turn(text)
            await self._show_told()
        except AdjutantError as error:
            exits.complain(str(error))

    async def _show_told(self) -> None:
        """Show what tasks of the session have told since the last look."""
        if not self._name:
            return
        told = []
        sessions = self._session.adjutant.sessions
        async for message in sessions.messages(self._name, filter='author = "TASK"', page_size=20):
            if message.number <= self._told:
                break
            told.append(message)
        for message in reversed(told):
            self._say(plain(message.text))
            self._told = message.number

    async def _turn(self, text: str) -> int:
        if not self._name:
            self._name = (await self._session.adjutant.sessions.create(agent=self._agent)).name
        responses = self._session.adjutant.responses
        sent = await responses.send(self._name, text, agent=self._agent, model=self._model)
        return await self._show(sent)

    async def _show(self, response: Response) -> int:
        """Show an answer to its end; return the exit code."""
        self._answering, self._stopping = response.name, None
        try:
            async for frame in self._session.adjutant.responses.stream(response.name):
                self._take(frame)
                response = frame.ended or response
        finally:
            self._answering = ""
        if self._stopping:
            await self._stopping
            return exits.INTERRUPTED
        return exits.DONE if response.state.name == "COMPLETED" else exits.TASK_FAILED

    def _take(self, frame: ResponseFrame) -> None:
        if self._as_json:
            self._session.print_json(frame)
        elif frame.delta is not None:
            _write(plain(frame.delta.text))
        elif frame.reset is not None:
            _write("\n(made anew:)\n")
        elif frame.waiting is not None:
            if frame.waiting.queue_position > 1:  # else it is about to begin
                exits.note(f"waits for its turn, as number {frame.waiting.queue_position}")
        elif frame.ended is not None:
            if frame.ended.text and not frame.ended.text.endswith("\n"):
                _write("\n")
            _tell_end(frame.ended)

    def _interrupted(self) -> None:
        if self._answering and self._stopping is None:
            stop = self._session.adjutant.responses.cancel(self._answering)
            self._stopping = asyncio.ensure_future(stop)
        elif self._me:
            self._me.cancel()

    def _say(self, text: str) -> None:
        if not self._as_json:
            exits.note(text)


async def _typed_message() -> str:
    """Return what is typed as one message, with its end of line; empty at the end of input."""
    line = await typed(_PROMPT)
    if not line.startswith(_QUOTES):
        return line
    text = line.removeprefix(_QUOTES)
    while not text.rstrip().endswith(_QUOTES):
        more = await typed(_MORE)
        if not more:
            return ""
        text += more
    return text.rstrip().removesuffix(_QUOTES) + "\n"


def _tell_end(response: Response) -> None:
    if response.failure is not None:
        exits.complain(response.failure.message)
    elif response.state.name == "CANCELLED":
        exits.note("(stopped)")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
