"""Why runs fail, in words that say what to do next."""

from __future__ import annotations

WORK = "WORK"
"""The work itself failed; the same again fails again."""
INFRASTRUCTURE = "INFRASTRUCTURE"
"""The ground gave way under the work; it may be tried again as it is."""
PERSON = "PERSON"
"""A person decided so."""


class RunFailure(Exception):  # noqa: N818  it is a finding about a run, and ends it
    """A run cannot go on. Raised while it is prepared or collected, and kept with the run."""

    def __init__(self, reason: str, message: str, disposition: str = WORK) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        """A name of `adjutant.common.v1.ErrorReason` without its prefix."""
        self.message = message
        """What happened and what to do next."""
        self.disposition = disposition
        """Whose fault it is: WORK, INFRASTRUCTURE or PERSON."""
