"""Those whose JWTs are accepted, as the setting `jwt_issuers` names them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.ports import is_loopback

MESH_ISSUER: Final = "adjutant"
"""Who issues the tokens of services; nobody else may be called so."""

Algorithm = Literal["RS256", "ES256", "EdDSA"]
"""Signatures with a public key only: with a shared one, whoever checks could also sign."""


class Issuer(BaseModel):
    """Somebody who says who people are, and where their public keys are found."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: str = Field(min_length=1)
    """The `iss` of its tokens, to the letter."""
    audience: str = Field(min_length=1)
    """The `aud` that its tokens for this mesh have."""
    jwks_file: Path | None = None
    """File of its public keys; read again when it changes. This or `jwks_url`."""
    jwks_url: str = ""
    """Where its public keys are fetched: https, or http on loopback."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "EdDSA")
    """Signatures that are accepted of it."""
    leeway_s: float = Field(30.0, ge=0, le=600)
    """Seconds that its clock may differ from ours."""
    alias: str = Field("", pattern="^([a-z0-9][a-z0-9-]{0,30})?$")
    """Stands before its people's names, `users/{alias}:{sub}`; empty for at most one issuer."""
    refresh_s: float = Field(300.0, gt=0)
    """Seconds after which the keys of `jwks_url` are fetched again."""
    cooldown_s: float = Field(10.0, ge=0)
    """Seconds between two fetches, whatever key ids strangers make up."""
    stale_limit_s: float = Field(86400.0, gt=0)
    """Seconds for which the last keys are used while `jwks_url` does not answer."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if (self.jwks_file is None) == (not self.jwks_url):
            raise ValueError("an issuer has either jwks_file or jwks_url")
        url = urlsplit(self.jwks_url)
        is_safe = url.scheme == "https" or (
            url.scheme == "http" and is_loopback(url.hostname or "")
        )
        if self.jwks_url and not (is_safe and url.hostname):
            raise ValueError("jwks_url must be https://…: whoever changes the keys is everybody")
        if self.issuer == MESH_ISSUER:
            raise ValueError(f"the issuer {MESH_ISSUER} is the mesh itself")
        return self


def require_distinct(issuers: Sequence[Issuer]) -> None:
    """Raise ValueError where two issuers could speak of the same person or name."""
    for what in ("issuer", "alias"):
        values = [getattr(issuer, what) for issuer in issuers]
        if len(set(values)) < len(values):
            raise ValueError(f"two issuers have the same {what}; each needs its own")
