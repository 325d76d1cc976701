"""Processes of peers: one each, with its log, ended by its id."""

import asyncio
import contextlib
import ctypes
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from bench import harness
from bench.peers.environment import AbsentError

READY_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 10.0

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Have the kernel end this process when the bench is gone, however that came about."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One program that may be killed and is started again at once."""

    def __init__(
        self,
        command: Sequence[str | pathlib.Path],
        log: pathlib.Path,
        environ: Mapping[str, str] | None = None,
        *,
        user: str | None = None,
        piped: bool = False,
    ) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._environ = {**os.environ, **(environ or {})}
        self._user = user
        self._piped = piped
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process; RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} was not started")
        return self._process

    async def start(self) -> None:
        """Start it; AbsentError where that cannot be."""
        pipe = asyncio.subprocess.PIPE if self._piped else None
        identity = {"user": self._user, "extra_groups": []} if self._user else {}
        with self._log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=pipe or asyncio.subprocess.DEVNULL,
                    stdout=pipe or log,
                    stderr=log,
                    env=self._environ,
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                    **identity,  # type: ignore[arg-type]  # typeshed knows no **kwargs here
                )
            except OSError as error:
                raise AbsentError(f"cannot be started: {error}") from error

    async def kill_and_restart(self) -> float:
        """End it with SIGKILL and start it again, as soon as it is gone; when it was killed."""
        killed = harness.now_ms()
        self.process.kill()
        await self.process.wait()
        await self.start()
        return killed

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Let it end, and kill it where that takes too long."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready; AbsentError where it ends instead, or takes too long."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while not await asyncio.to_thread(ready):
                    if self.process.returncode is not None:
                        raise AbsentError(f"cannot be started: {self.last_words()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AbsentError(
                f"was not ready in {READY_TIMEOUT_S:g} s: {self.last_words()}"
            ) from None

    def last_words(self) -> str:
        """Return the end of its log, in one line."""
        words = self._log.read_text(errors="replace").split()
        return " ".join(words)[-300:] or "it said nothing"


@contextlib.asynccontextmanager
async def running(child: Child, number: signal.Signals = signal.SIGTERM) -> AsyncIterator[Child]:
    """Run a program for the block; its log is shown where the block fails."""
    try:
        await child.start()
        yield child
    except AbsentError:
        raise
    except BaseException:
        print(child.last_words(), file=sys.stderr)
        raise
    finally:
        await child.stop(number)
