"""The `adjutant-platform` header: what sort of program calls."""

from collections.abc import Mapping
from typing import Final

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError

HEADER: Final = "adjutant-platform"


def platform_of(metadata: Mapping[str, str | bytes], settings: MeshSettings) -> str:
    """Return the platform that a call says; empty where it says none.

    INVALID_PLATFORM where it is none of the setting's, or missing where it is required.
    """
    platform = metadata.get(HEADER)
    if platform in settings.platforms or (platform is None and not settings.platform_required):
        return str(platform or "")
    known = ", ".join(settings.platforms)
    raise AdjutantError(
        "INVALID_PLATFORM", f"Send the header {HEADER} with one of these values: {known}."
    )
