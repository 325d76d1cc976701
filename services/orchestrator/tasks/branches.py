"""What git takes for the name of a branch."""

import re
from typing import Final

from services.mesh.errors import AdjutantError

_NO_BRANCH: Final = re.compile(r"\.\.|//|[/.]$|/\.|\.lock(/|$)")
"""What `git check-ref-format` refuses of what the contract lets through."""


def check_branch(branch: str, field: str, reason: str = "INVALID_REQUEST") -> None:
    """Refuse what git takes for no branch's name, before work is done that cannot be committed."""
    if _NO_BRANCH.search(branch):
        raise AdjutantError(
            reason,
            f"{branch!r} cannot name a git branch; choose one such as `feature/greeting`.",
            field=field,
        )
