"""Addresses of what is outside, and which of them lie below which.

A secret is sent to whatever a connection's prefix covers, so an address that two programs
could read in two ways has no place here: user-info, `..`, empty segments, encoded slashes,
dots and percent signs, backslashes, and hosts that are not plain ASCII.
"""

import re
from dataclasses import dataclass
from typing import Final

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535
_FORM: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/(?:[\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})*)*)",
    re.ASCII | re.IGNORECASE,
)
_ENCODED: Final = re.compile(r"%([0-9a-fA-F]{2})")
_AMBIGUOUS: Final = frozenset(b"./\\%@:?#") | frozenset(range(0x20)) | {0x7F}


@dataclass(frozen=True)
class Address:
    """An address that reads in one way only."""

    scheme: str
    """`http` or `https`."""
    host: str
    """In lower case."""
    port: int
    path: tuple[str, ...]
    """Its segments; letters are not the same in upper and lower case."""

    @property
    def text(self) -> str:
        """The address in its normal form."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}/{'/'.join(self.path)}"

    def covers(self, other: "Address") -> bool:
        """Tell whether another address is this one or below it, at a border of its path."""
        server, theirs = (self.scheme, self.host, self.port), (other.scheme, other.host, other.port)
        return server == theirs and other.path[: len(self.path)] == self.path


def parse_address(text: str) -> Address | None:
    """Return an http or https address; None for anything else, and for what is ambiguous."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    path = _segments(found["path"])
    if path is None or not 0 < port <= _MAX_PORT or ".." in host:
        return None
    return Address(scheme, host, port, path)


def _segments(path: str) -> tuple[str, ...] | None:
    if any(int(code, 16) in _AMBIGUOUS for code in _ENCODED.findall(path)):
        return None
    normal = _ENCODED.sub(lambda code: code[0].upper(), path)
    segments = tuple(normal.removesuffix("/").split("/")[1:])
    return None if any(segment in ("", ".", "..") for segment in segments) else segments
