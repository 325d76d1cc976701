"""State machines as data: one table per resource, and every write goes through it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.mesh.errors import AdjutantError


@dataclass(frozen=True)
class StateMachine:
    """Which state may follow which.

    Every state is a key of `transitions`; a final state has no followers,
    save those that `reopening` allows on request.
    """

    noun: str
    """What has these states, for messages and the diagram."""
    initial: str
    """The state that the resource is made in."""
    transitions: Mapping[str, tuple[str, ...]]
    """State to the states that may follow."""
    final: frozenset[str]
    """States in which the work has ended."""

    def check(self, current: str, wanted: str) -> None:
        """Raise ILLEGAL_TRANSITION unless `wanted` may follow `current`."""
        if wanted in self.transitions[current]:
            return
        allowed = ", ".join(self.transitions[current])
        next_step = f"it can become: {allowed}" if allowed else "that is its end"
        raise AdjutantError(
            "ILLEGAL_TRANSITION",
            f"A {self.noun} that is {current} cannot become {wanted}; {next_step}.",
            metadata={"state": current},
        )

    def is_final(self, state: str) -> bool:
        """Tell whether the work has ended in this state."""
        return state in self.final

    def mermaid(self) -> str:
        """Return the diagram that the README shows."""
        return "\n".join(["stateDiagram-v2", *self._arrows()])

    def _arrows(self) -> Iterator[str]:
        yield f"    [*] --> {self.initial}"
        for state, followers in self.transitions.items():
            yield from (f"    {state} --> {follower}" for follower in followers)
        yield from (f"    {state} --> [*]" for state in self.transitions if state in self.final)
