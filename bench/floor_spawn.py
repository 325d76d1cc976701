"""The floor of every run: the shell, started in a process group of its own.

Ends where the command itself says that it runs, by writing to a pipe that it
finds in the file system; the mesh's runs are timed the same way.
"""

import asyncio
import os
import pathlib
import subprocess
import tempfile

from bench import harness

NAME = "fork + exec"
RUNS = "fork + exec → command runs"


class Doorbell:
    """A named pipe that a command rings, `command_line`, when it runs."""

    def __init__(self, folder: pathlib.Path) -> None:
        path = folder / "doorbell"
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._keep = os.open(path, os.O_WRONLY)  # a pipe without a writer reads as ended
        self._rung: asyncio.Queue[float] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._descriptor, self._ring)
        self.command_line = f"echo > '{path}'"

    async def rung(self) -> float:
        """Wait for the next ring; when it was, by harness.now_ms."""
        return await self._rung.get()

    def close(self) -> None:
        """Give the pipe up."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        os.close(self._keep)

    def _ring(self) -> None:
        for _ in os.read(self._descriptor, 1024):
            self._rung.put_nowait(harness.now_ms())


async def measure(seconds: float) -> list[harness.Figure]:
    """Time the start of a process, and how long it takes until it does something."""
    started, running = [], []
    with tempfile.TemporaryDirectory() as folder:
        bell = Doorbell(pathlib.Path(folder))

        async def spawn() -> None:
            start = harness.now_ms()
            process = subprocess.Popen(  # noqa: ASYNC220 # what is measured
                ["sh", "-c", bell.command_line], start_new_session=True
            )
            started.append(harness.now_ms() - start)
            running.append(await bell.rung() - start)
            process.wait()

        await harness.repeat(spawn, seconds)
        bell.close()
    return [
        harness.figure(NAME, started[harness.WARM_UP_CALLS :]),
        harness.figure(RUNS, running[harness.WARM_UP_CALLS :]),
    ]


if __name__ == "__main__":
    harness.main(measure, __doc__)
