"""The program behind `adjutant up`."""

import argparse
import asyncio
import os
import pathlib
import signal
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from services.mesh.config import MeshSettings
from services.mesh.parent import watch_parent
from services.up.composition import (
    Commands,
    Composition,
    installed_commands,
    settings_class,
    settings_from,
)
from services.up.errors import UpError
from services.up.mesh import RunningMesh
from services.up.settings_table import print_settings

EXIT_BAD_USE = 2
EXIT_INTERRUPTED = 130


class _Output(Console):
    def on_broken_pipe(self) -> None:
        raise  # the error that rich handles by calling this; it would exit with 1


def main(arguments: Sequence[str] | None = None, commands: Commands | None = None) -> int:
    """Run a mesh until Ctrl-C or SIGTERM and return the exit code."""
    options = _parser().parse_args(arguments)
    console = _Output(highlight=False, width=None if sys.stdout.isatty() else 1000)
    try:
        settings = _settings(options)
        if options.print_config:
            print_settings(console, commands or installed_commands())
            return 0
        if commands is None:
            for service in installed_commands():
                settings_from(settings_class(service))  # better here than in four restarts
        composition = Composition(
            settings, commands or installed_commands(), single_process=options.single_process
        )
        return asyncio.run(_run(composition, console))
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` has; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UpError as error:
        command = "config" if options.print_config else "up"
        print(f"adjutant {command}: {error}", file=sys.stderr)
        return EXIT_BAD_USE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adjutant up", description="Run a mesh on this machine.")
    parser.add_argument("--data-dir", type=pathlib.Path, help="where everything is kept")
    parser.add_argument("--port-base", type=int, help="the first of the mesh's ports")
    parser.add_argument("--replicas", type=int, help="processes of each service")
    parser.add_argument("--single-process", action="store_true", help="services in one process")
    parser.add_argument("--print-config", action="store_true", help=argparse.SUPPRESS)
    return parser


def _settings(options: argparse.Namespace) -> MeshSettings:
    given = {
        "data_dir": options.data_dir,
        "port_base": options.port_base,
        "replicas": options.replicas,
    }
    return settings_from(**{name: value for name, value in given.items() if value is not None})


class _Session:
    """One start of the program: signals in, messages out."""

    def __init__(self, composition: Composition, console: Console) -> None:
        self._composition = composition
        self._console = console
        self._mesh = RunningMesh(composition, self._say)
        self._ready = False
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Run until a signal or the parent's end and return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started with nohup: it is to outlive its terminal
            loop.add_signal_handler(number, self._on_signal)
        watch_parent(self._stop.set)
        serving = asyncio.create_task(self._serve())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not self._ready:
            serving.cancel()
        stopping.cancel()
        try:
            await serving
        except asyncio.CancelledError:
            return EXIT_INTERRUPTED
        return 0

    def _on_signal(self) -> None:
        if self._stop.is_set():  # a second Ctrl-C means: now
            self._mesh.kill()
            os._exit(EXIT_INTERRUPTED)
        self._stop.set()

    async def _serve(self) -> None:
        async with self._mesh:
            self._ready = True
            _print_addresses(self._composition, self._console)
            await self._stop.wait()
            self._say("stopping; a second Ctrl-C ends everything at once")
        self._say("stopped")

    def _say(self, text: str) -> None:
        self._console.print(f"adjutant up: {text}", markup=False, soft_wrap=True)


async def _run(composition: Composition, console: Console) -> int:
    return await _Session(composition, console).run()


def _print_addresses(composition: Composition, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("service")
    table.add_column("address")
    for name, addresses in composition.addresses().items():
        for address in addresses:
            table.add_row(name, address)
    console.print(table)
    data_dir = composition.settings.data_dir
    console.print(f"Ready. Data and logs are in {data_dir}. Ctrl-C stops.", soft_wrap=True)
