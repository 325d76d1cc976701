"""Takes what looks like a credential out of text that is written or sent.

It is the last line, not the first: nothing should put a secret into a log, a
trace or an error. What is caught is what looks like one (the mesh's tokens,
JWTs, private keys, passwords in URLs, `password=…`), and the exact secrets
that are in use just now.
"""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"
_MIN_SECRET_LENGTH: Final = 4
"""Shorter ones are in every other word."""

_HINTS: Final = (
    *("adj", "eyj", "bearer", "basic ", "-----begin", "@"),
    *("pass", "pwd", "secret", "token", "key", "authorization", "credential"),
)
"""One of these is in every text that the pattern could find something in, in lower case."""

_NAMES: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|master[_-]?key"
    r"|private[_-]?key|authorization|credentials?"
)
_PATTERN: Final = re.compile(
    r"adj[a-z]?_[\w.~+/=-]{8,}"
    r"|(?<![\w-])eyJ[\w-]{5,}\.[\w-]{2,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?P<scheme>\b(?i:bearer|basic)\s+)(?=[\w.~+/=-]{0,200}[\d=.])[\w.~+/=-]{8,}"
    # User-info of a URL; the user `git` alone is no secret.
    r"|(?P<slashes>://)(?!git@|\[\^)[^/\s@?#\"'<>]{1,300}@"
    rf"|(?P<name>(?i:{_NAMES})[\"']?\s*=\s*[\"']?)[^\s\"'&,;<>)]{{3,}}"
    # A colon is common in prose too, so there it takes a quote or a digit.
    rf"|(?P<quoted>(?i:{_NAMES})[\"']\s*:\s*[\"'])[^\"']{{3,}}"
    rf"|(?P<colon>(?i:{_NAMES})\s*:\s*)(?=[^\s,;]{{0,200}}\d)[^\s\"',;<>)]{{6,}}",
    re.DOTALL,
)

_in_use: Counter[str] = Counter()


def redact(text: str) -> str:
    """Return the text without what looks like a credential, or is one in use."""
    for secret in tuple(_in_use):
        if secret in text:
            text = text.replace(secret, REDACTED)
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text
    return _PATTERN.sub(_replacement, text)


@contextlib.contextmanager
def in_use(*secrets: str) -> Iterator[None]:
    """Redact these exact secrets, as they are and as they are written, for a block of code."""
    forms = Counter(form for secret in secrets for form in _forms(secret))
    _in_use.update(forms)
    try:
        yield
    finally:
        _in_use.subtract(forms)
        for form in forms:
            if _in_use[form] <= 0:
                del _in_use[form]


def _forms(secret: str) -> set[str]:
    """Return how a secret looks in text, in URLs and in JSON."""
    forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return {form for form in forms if len(form) >= _MIN_SECRET_LENGTH}


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None:
        return REDACTED
    end = "@" if kind == "slashes" else ""
    return f"{match[kind]}{REDACTED}{end}"
