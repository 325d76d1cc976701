"""What a caller says it runs on, in the `adjutant-platform` header."""

from collections.abc import Collection, Mapping
from typing import Final

from services.mesh.errors import AdjutantError

PLATFORM_HEADER: Final = "adjutant-platform"


class Platforms:
    """Checks the header against what the settings allow."""

    def __init__(self, allowed: Collection[str], required: bool) -> None:
        self._allowed = frozenset(allowed)
        self._required = required

    def check(self, metadata: Mapping[str, str | bytes]) -> str:
        """Return the platform; empty where none is said. INVALID_PLATFORM."""
        said = metadata.get(PLATFORM_HEADER)
        if said is None and not self._required:
            return ""
        if isinstance(said, str) and said in self._allowed:
            return said
        listed = ", ".join(sorted(self._allowed))
        problem = "is missing" if said is None else "is not known"
        raise AdjutantError(
            "INVALID_PLATFORM",
            f"The header `{PLATFORM_HEADER}` {problem}; send one of {listed}.",
            metadata={"header": PLATFORM_HEADER},
        )
