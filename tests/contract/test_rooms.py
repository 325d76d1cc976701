"""The orchestrator's README has its rooms, and the events it sends and takes, as the code has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adjutant.event.v1 import event_pb2

ROOT: Final = Path(__file__).resolve().parents[2] / "services/orchestrator"
README: Final = (ROOT / "README.md").read_text()
KINDS: Final = {field.name for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields}


def rows() -> Iterator[tuple[str, str]]:
    """Yield the folder of each row of the table, and what is said of it; empty: of modules."""
    for line in README.splitlines():
        if found := re.match(r"\| (`[^|]+) \| (.*) \|$", line):
            named, said = found.groups()
            folders = re.findall(r"`(\w+)/`", named)
            yield (folders[0], said) if folders else ("", named)


def names_in(text: str) -> set[str]:
    """Return the kinds of events that a text names."""
    return set(re.findall(r"`(\w+)`", text)) & KINDS


def code(*patterns: str) -> str:
    """Return the orchestrator's code, of the modules that fit one of some patterns."""
    return "\n".join(path.read_text() for pattern in patterns for path in ROOT.glob(pattern))


def test_every_room_has_its_row_and_every_module_that_is_named_is_there() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    named = {folder for line in README.splitlines() for folder in re.findall(r"`(\w+)/`", line)}
    assert folders <= named
    for folder, said in rows():
        for module in re.findall(r"`(\w+\.py)`", said):
            assert (ROOT / folder / module).is_file(), f"{folder}/{module}"


def test_every_event_that_is_sent_or_taken_is_named() -> None:
    [both] = re.findall(r"^Events: (?:.+\n)+", README, re.MULTILINE)
    sent, _, taken = both.partition("It consumes")
    calls = re.findall(r"new_event\(.*?\)", code("**/*.py"), re.DOTALL)
    assert (
        names_in(sent) == {word for call in calls for word in re.findall(r"(\w+)=", call)} & KINDS
    )
    consumers = code("app.py", "wiring/*.py", "agents/following.py")
    kinds = re.findall(r"EVENT_KIND_([A-Z_]+)\b", consumers)
    assert names_in(taken) == {kind.lower() for kind in kinds} & KINDS
