"""Agents that a message can be sent to: the file that `ADJUTANT_AGENTS_FILE` names.

agents:
  - name: reviewer
    description: Reads what tasks came to.
    instructions: You review the work of others. Be short, and name what is missing.
    model: local/qwen3:8b        # as in SendMessage; empty: the conversation's size chooses
    groups: [tasks, project]     # capabilities whose tools it may use; none: it only talks
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.mesh.errors import AdjutantError
from services.orchestrator.agents.tool import GROUPS


class Agent(BaseModel):
    """Who answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    description: str = ""
    """For people."""
    instructions: str = Field(min_length=1)
    """What it is told before the conversation."""
    model: str = ""
    """Where a message names none."""
    groups: tuple[str, ...] = ()
    """Capabilities whose tools it may use, with the rights of whoever it answers."""

    @model_validator(mode="after")
    def _require_known(self) -> "Agent":
        if unknown := set(self.groups) - set(GROUPS):
            raise ValueError(f"groups: no {', '.join(sorted(unknown))}; use {', '.join(GROUPS)}")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    agents: tuple[Agent, ...]

    @model_validator(mode="after")
    def _require_distinct(self) -> "_File":
        if len({agent.name for agent in self.agents}) < len(self.agents):
            raise ValueError("agents: each needs a name of its own")
        return self


NOBODY: Final = Agent(
    name="adjutant",
    instructions=(
        "You are an assistant of Adjutant, which works for teams. Answer what the user says last. "
        "Say so where you do not know. Use your tools rather than guess; what they do is done with "
        "the user's rights, and what changes something is asked of the user first, by itself."
    ),
)
"""Who answers where nobody is named; it is found for each message what it needs."""


class Agents:
    """The agents that can be named."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._agents = agents

    def named(self, name: str) -> Agent:
        """Return an agent. UNKNOWN_AGENT."""
        if found := self._agents.get(name):
            return found
        known = ", ".join(sorted(self._agents)) or "none is configured"
        raise AdjutantError(
            "UNKNOWN_AGENT",
            f"There is no agent {name} ({known}); leave it out, or add it to the file that "
            "ADJUTANT_AGENTS_FILE names.",
        )


def read_agents(path: Path | None) -> Agents:
    """Return the agents of a file; without one there are none. ValueError where it is wrong."""
    if path is None:
        return Agents({})
    try:
        read = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise ValueError(f"ADJUTANT_AGENTS_FILE: {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"ADJUTANT_AGENTS_FILE: {path} is no YAML: {error}") from None
    except ValidationError as error:
        raise ValueError(f"ADJUTANT_AGENTS_FILE: {path} is wrong: {error}") from None
    return Agents({agent.name: agent for agent in read.agents})
