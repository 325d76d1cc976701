"""Which providers and models there are: the file that `ADJUTANT_MODELS_FILE` names.

providers:                          # the first one is asked unless another is named
  - name: local
    kind: ollama
    url: http://127.0.0.1:11434
    tiers: {4k: llama3.2:3b, 16k: qwen3:8b}
    models: {qwen3:32b: 32k}        # further ones, for whoever names them
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

TIERS: Final = (4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024)
"""Tokens of the tiers where a file does not say."""
SCRIPTED: Final = "scripted"
_SIZE: Final = re.compile(r"(\d{1,9})(k?)", re.IGNORECASE)


class Kind(StrEnum):
    """What a provider speaks."""

    SCRIPTED = "scripted"
    OLLAMA = "ollama"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


def tokens_of(size: object) -> int:
    """Return the tokens of a size such as `16k`, which is 16384, or `200000`. ValueError."""
    found = _SIZE.fullmatch(str(size))
    if found is None or not int(found[1]):
        raise ValueError(f"{size!r} is no number of tokens; write it as 16k or 200000")
    return int(found[1]) * (1024 if found[2] else 1)


def size_of(tokens: int) -> str:
    """Return how people write a number of tokens: `16k`, or the number itself."""
    return str(tokens) if tokens % 1024 else f"{tokens // 1024}k"


Tokens = Annotated[int, BeforeValidator(tokens_of)]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$")]


class ProviderConfig(BaseModel):
    """One provider, and its models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    """What it is called; `name/model` names a model."""
    kind: Kind
    url: str = ""
    """Where it is; empty: where its maker serves it, and Ollama on this machine."""
    api_key_env: str = ""
    """Environment variable that has its key; empty: OPENAI_API_KEY or ANTHROPIC_API_KEY where
    `url` is empty, else none."""
    tiers: dict[Tokens, ModelName] = Field(default_factory=dict)
    """Context size to the model that is asked what fits it."""
    models: dict[ModelName, Tokens] = Field(default_factory=dict)
    """Further models and the size of their context, for whoever names them."""
    script: Path | None = None
    """Of `scripted`: file of its rules; None: the built-in ones."""

    @model_validator(mode="after")
    def _require_tiers(self) -> "ProviderConfig":
        if not self.tiers and self.kind is not Kind.SCRIPTED:
            raise ValueError("tiers: say which model is asked up to which size, as in 16k: NAME")
        if self.script and self.kind is not Kind.SCRIPTED:
            raise ValueError("script: only a provider of the kind scripted has one")
        return self

    @property
    def table(self) -> dict[int, str]:
        """Context size to model, the smallest size first."""
        tiers = self.tiers or dict.fromkeys(TIERS, SCRIPTED)
        return dict(sorted(tiers.items()))


class ModelsConfig(BaseModel):
    """All providers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    providers: tuple[ProviderConfig, ...] = Field(min_length=1)
    """The first one is asked unless another is named."""

    @model_validator(mode="after")
    def _require_distinct(self) -> "ModelsConfig":
        names = [provider.name for provider in self.providers]
        if len(set(names)) < len(names):
            raise ValueError("providers: each needs a name of its own")
        return self


DEFAULT: Final = ModelsConfig(providers=(ProviderConfig(name=SCRIPTED, kind=Kind.SCRIPTED),))
"""What there is without a file: answers by rules, which need no key."""


def read_config(path: Path | None) -> ModelsConfig:
    """Return what a file says; without one `scripted` alone. ValueError where it is wrong."""
    if path is None:
        return DEFAULT
    try:
        return ModelsConfig.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}") from None
    except ValidationError as error:
        raise ValueError(f"{path}: {_said(error)}") from None


def _said(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )
