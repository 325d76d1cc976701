r"""Rules by which the scripted provider answers, as they stand in a YAML file.

rules:                                   # the first one that fits answers
  - match: (?i)weather in (?P<town>\w+)  # searched for in the last message
    tools: [{name: weather, arguments: {town: "{town}"}}]
  - role: tool                           # the last message is a tool's result
    text: "It is {message}."
  - match: slow
    text: one two three
    delay_s: 0.1                         # before each token
  - match: broken
    failure: {kind: rate_limited, times: 2, retry_after_s: 0.1}
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.orchestrator.models.failures import FailureKind
from services.orchestrator.models.port import ModelRequest, Role

BUILT_IN: Final = Path(__file__).with_name("builtin.yaml")
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


class ScriptedTool(BaseModel):
    """A call of a tool that a rule makes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ScriptedFailure(BaseModel):
    """How a rule's call fails."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FailureKind
    after_tokens: int = Field(0, ge=0)
    """Tokens of the text that come first, as far as it has so many."""
    times: int = Field(0, ge=0)
    """How often it fails, in the life of the process; 0: always."""
    retry_after_s: float | None = Field(None, ge=0)


class Rule(BaseModel):
    """When to answer, and what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: re.Pattern[str] = re.compile("")
    """Searched for in the last message; its named groups can be used in the answer."""
    role: Literal["user", "tool"] = "user"
    """Who wrote the last message."""
    schema_title: str = Field("", alias="schema")
    """Title of the schema that the answer must hold to; empty: the answer is free text."""
    text: str = ""
    """What is answered; `{name}` stands for a fact, a named group or the whole `message`."""
    tools: tuple[ScriptedTool, ...] = ()
    """Tools that are called; the rule fits only where all of them are on offer."""
    delay_s: float = Field(0.0, ge=0)
    """Seconds before each token."""
    failure: ScriptedFailure | None = None

    @field_validator("match", mode="before")
    @classmethod
    def _compile(cls, pattern: object) -> object:
        try:
            return re.compile(pattern) if isinstance(pattern, str) else pattern
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None

    @model_validator(mode="after")
    def _require_answer(self) -> "Rule":
        if not (self.text or self.tools or self.failure):
            raise ValueError("a rule needs text, tools or failure")
        return self

    def fits(self, request: ModelRequest) -> re.Match[str] | None:
        """Return how the rule fits a request; None where it does not."""
        title = (request.output_schema or {}).get("title", "any")
        wanted = title if request.output_schema is not None else ""
        offered = {tool.name for tool in request.tools}
        if self.schema_title != wanted or not {tool.name for tool in self.tools} <= offered:
            return None
        last = request.messages[-1]
        role = "tool" if last.role is Role.TOOL else "user"
        return self.match.search(last.text) if role == self.role else None


class Script(BaseModel):
    """All rules, in the order in which they are tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(min_length=1)


def read_script(path: Path | None) -> Script:
    """Return the script in a file; without one the built-in. ValueError where it is wrong."""
    path = path or BUILT_IN
    try:
        return Script.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise ValueError(f"the script {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"the script {path} is no YAML: {error}") from None
    except ValidationError as error:
        raise ValueError(f"the script {path} is wrong: {error}") from None


def places(text: str) -> frozenset[str]:
    """Return the names that stand in braces in a text."""
    return frozenset(_PLACE.findall(text))


def filled(value: Any, facts: Mapping[str, str]) -> Any:
    """Return a value whose texts have facts in place of `{name}`; what is no fact stays."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: facts.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: filled(each, facts) for key, each in value.items()}
    return [filled(each, facts) for each in value] if isinstance(value, list) else value
