"""What a pattern of the contract asks for, in words: people do not read regular expressions."""

import re
from collections.abc import Mapping
from typing import Final

_ID: Final = "[a-z0-9-]{1,63}"
_AN_ID: Final = "an ID is 1 to 63 of a-z, 0-9 and -"
_REFERENCE: Final = "must be of letters, digits and ._/-, and begin with a letter or digit"
_WORDS: Final = {
    f"^{_ID}$": "must be an ID: 1 to 63 of a-z, 0-9 and -",
    "^[a-z0-9-]{0,63}$": "must be an ID, 1 to 63 of a-z, 0-9 and -, or empty",
    "^[^-].*$": "must not be empty nor begin with -",
    "^([^-].*)?$": "must not begin with -",
    "^[A-Za-z0-9][A-Za-z0-9._/-]*$": _REFERENCE,
    "^([A-Za-z0-9][A-Za-z0-9._/-]*)?$": f"{_REFERENCE}, or be empty",
    r"^[^:\x00-\x1f]*$": "must have no colon and no control characters",
    "^[A-Z]{3}$": "must be a currency of ISO 4217, three capital letters such as EUR",
    "^[a-z-]*$": "must be of a-z and -, or empty",
    "^[A-Za-z][A-Za-z0-9_.:/-]*$": "must be of letters, digits and _.:/-, and begin with a letter",
    "^[a-z0-9][a-z0-9._-]{0,62}$": "must be 1 to 63 of a-z, 0-9 and ._-, the first no mark",
    "^[a-z][a-z0-9_-]{0,39}$": "must be 1 to 40 of a-z, 0-9, _ and -, the first a letter",
    "^([0-9a-f]{64})?$": "must be a SHA-256 digest, 64 of 0-9 and a-f, or empty",
    "^users/[A-Za-z0-9._@+|:-]{1,200}$": (
        "must be users/SUBJECT, the subject of letters, digits and ._@+|:-"
    ),
    "^(https?://[^@]+)?$": (
        "must be an http or https address without a user, like https://git.example.com/team"
    ),
    f"^(clients/{_ID}(/projects/{_ID})?)?$": (
        f"must be clients/ID or clients/ID/projects/ID, or empty for the mesh; {_AN_ID}"
    ),
    f"^clients/{_ID}/projects/{_ID}"
    f"(/tasks/{_ID}|/sessions/{_ID}(/(messages|responses)/{_ID})?)?$": (
        "must be a project, clients/ID/projects/ID, or in it tasks/ID, sessions/ID, "
        f"sessions/ID/messages/ID or sessions/ID/responses/ID; {_AN_ID}"
    ),
}
_RULE: Final = re.compile(r"does not match regex pattern `(.*)`", re.DOTALL)
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "(/(groups|projects)/ID)?": ("", "/groups/ID", "/projects/ID"),
    "(/projects/ID)?": ("", "/projects/ID"),
}
"""What may stand between a client and what is in it, and the ways to write it."""


def plainly(message: str) -> str:
    """Return a message of a broken rule, with words in place of a pattern where there are some."""
    found = _RULE.fullmatch(message)
    if not found:
        return message
    pattern = found[1]
    return _WORDS.get(pattern) or _named(pattern) or message


def _named(pattern: str) -> str:
    """Return what a resource's name must be like; empty where the pattern is no name's."""
    form = pattern.removeprefix("^").removesuffix("$").replace(_ID, "ID")
    optional = form.startswith("(") and form.endswith(")?")
    form = form[1:-2] if optional else form
    forms = [form]
    for part, ways in _PLACES.items():
        if part in form:
            forms = [form.replace(part, way) for way in ways]
    if not all(re.fullmatch(r"clients/ID(/[A-Za-z]+(/ID)?)*", one) for one in forms):
        return ""
    nothing = ", or empty" if optional else ""
    return f"must be like {' or '.join(forms)}{nothing}; {_AN_ID}"
