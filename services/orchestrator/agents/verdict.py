"""Whether a message says yes or no."""

import re
from typing import Final

_YES: Final = frozenset(
    (
        *("yes", "y", "yes please", "yeah", "yep", "ok", "okay", "sure", "confirm", "confirmed"),
        *("approve", "approved", "do it", "go ahead"),
        *("ja", "oui", "si", "sí", "sim", "ano", "да", "tak"),
    )
)
_NO: Final = frozenset(
    (
        *("no", "n", "no thanks", "nope", "don't", "do not", "decline", "declined", "deny"),
        *("leave it", "stop", "cancel"),
        *("nein", "non", "não", "ne", "нет", "nie"),
    )
)
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")


def verdict_of(text: str) -> str:
    """Return CONFIRMED, DECLINED, or WITHDRAWN where the message is neither yes nor no.

    The whole message must be that: `yes, but ...` confirms nothing.
    """
    said = " ".join(_EDGES.sub("", text.lower()).split())
    if said in _YES:
        return "CONFIRMED"
    return "DECLINED" if said in _NO else "WITHDRAWN"
