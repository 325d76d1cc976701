"""State machines as data."""

import pytest

from services.mesh.errors import AdjutantError
from services.mesh.statemachine import StateMachine

DOOR = StateMachine(
    noun="door",
    initial="CLOSED",
    transitions={
        "CLOSED": ("OPEN", "WALLED_UP"),
        "OPEN": ("CLOSED",),
        "WALLED_UP": (),
    },
    final=frozenset({"WALLED_UP"}),
)


def test_what_the_table_allows_may_happen() -> None:
    DOOR.check("CLOSED", "OPEN")
    DOOR.check("OPEN", "CLOSED")


def test_what_it_does_not_allow_is_refused_with_what_it_does() -> None:
    with pytest.raises(AdjutantError) as caught:
        DOOR.check("OPEN", "WALLED_UP")
    assert caught.value.reason == "ILLEGAL_TRANSITION"
    assert caught.value.metadata == {"state": "OPEN"}
    assert "door that is OPEN cannot become WALLED_UP" in caught.value.message
    assert "it can become: CLOSED" in caught.value.message


def test_from_a_final_state_nothing_follows() -> None:
    with pytest.raises(AdjutantError, match="that is its end"):
        DOOR.check("WALLED_UP", "OPEN")
    assert DOOR.is_final("WALLED_UP")
    assert not DOOR.is_final("OPEN")


def test_a_state_does_not_follow_itself_unless_the_table_says_so() -> None:
    with pytest.raises(AdjutantError):
        DOOR.check("OPEN", "OPEN")


def test_the_diagram_is_made_from_the_table() -> None:
    assert DOOR.mermaid().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> CLOSED",
        "    CLOSED --> OPEN",
        "    CLOSED --> WALLED_UP",
        "    OPEN --> CLOSED",
        "    WALLED_UP --> [*]",
    ]
