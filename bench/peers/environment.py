"""Environments of peers: a folder each, made on first use, with nothing of ours in it."""

import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FOLDER: Final = pathlib.Path(__file__).parents[2] / "build" / "peers"
INSTALL_TIMEOUT_S: Final = 300.0


class AbsentError(Exception):
    """A peer is not there to be measured; says why."""


@dataclass(frozen=True)
class Environment:
    """What a peer needs, by exact versions."""

    name: str
    python: tuple[str, ...] = ()
    """Packages for a virtual environment, as pip takes them."""
    node: tuple[str, ...] = ()
    """Packages for a `node_modules`, as npm takes them."""
    folder: pathlib.Path = FOLDER

    @property
    def interpreter(self) -> pathlib.Path:
        """Where its Python is."""
        return self.folder / self.name / "bin" / "python"

    def ensure(self) -> None:
        """Install it where that has not been done; AbsentError where it cannot be."""
        home = self.folder / self.name
        ready, wanted = home / ".ready", "\n".join((*self.python, *self.node))
        if ready.exists() and ready.read_text() == wanted:
            return
        print(f"installing {self.name} into {home} …", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if self.python:
            self._install_python(home)
        if self.node:
            self._install_node(home)
        ready.write_text(wanted)

    def _install_python(self, home: pathlib.Path) -> None:
        _done(sys.executable, "-m", "venv", "--without-pip", str(home))
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
        into = ("--python", str(self.interpreter))
        # No package may run a build of its own here.
        wheels = ("install", "--quiet", "--only-binary", ":all:")
        _done(*pip, *into, *wheels, *self.python)

    def _install_node(self, home: pathlib.Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise AbsentError("npm is not on PATH; install Node.js 20 or newer")
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
        _done(npm, "install", "--prefix", str(home), *quiet, *self.node)


def _done(*command: str) -> None:
    """Run a command to its end; AbsentError with what it complained about where it fails."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise AbsentError(f"cannot be installed: {_complaint(error.stderr)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AbsentError(f"cannot be installed: {error}") from error


def _complaint(stderr: str) -> str:
    """Return the line that says what went wrong, among all that an installer prints."""
    lines: Sequence[str] = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it did not say why"])[0][:200]
