"""Who calls: tokens, API keys, certificates, and the owner of an embedded mesh."""

from services.mesh.identity.principal import ApiKeyGrant, Kind, Principal

__all__ = ["ApiKeyGrant", "Kind", "Principal"]
