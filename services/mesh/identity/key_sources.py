"""Where an issuer's public keys come from: a file, or a URL."""

import asyncio
import contextlib
import logging
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from services.mesh.identity.files import Complaint, Watched
from services.mesh.identity.issuer import Issuer
from services.mesh.identity.jwks import MAX_JWKS_BYTES, KeySet, parse_jwks, read_jwks
from services.mesh.identity.refusals import cannot_tell
from services.ports import is_loopback

FETCH_TIMEOUT_S: Final = 5.0
_PIECE_BYTES: Final = 16 * 1024

log = logging.getLogger(__name__)


class KeySource(Protocol):
    """The keys of one issuer, as they are now."""

    def present(self) -> KeySet | None:
        """Return them without waiting; None where they must be fetched first."""

    async def current(self) -> KeySet:
        """Return them. ACCESS_UNKNOWN where they cannot be had."""

    async def renewed(self) -> KeySet:
        """Return them, fetched anew where that may be: a token names a key that is not there."""

    async def close(self) -> None:
        """Let go of what is under way."""


def key_source(issuer: Issuer) -> KeySource:
    """Return where an issuer's keys come from."""
    if issuer.jwks_file:
        return FileKeys(issuer.jwks_file)
    return UrlKeys(issuer)


class FileKeys:
    """Keys in a file, which is read again when it changes."""

    def __init__(self, path: Path, read: Callable[[Path], KeySet] = read_jwks) -> None:
        self._keys = Watched(path, read)
        self._complain = Complaint(log)

    def present(self) -> KeySet | None:
        """Return the keys; None where the file cannot be read."""
        try:
            return self._keys.get()
        except (OSError, ValueError) as error:
            self._complain("the keys of an issuer cannot be used: %s", error)
            return None

    async def current(self) -> KeySet:
        """Return the keys. ACCESS_UNKNOWN where the file cannot be read."""
        if keys := self.present():
            return keys
        raise cannot_tell("token")

    renewed = current

    async def close(self) -> None:
        """Do nothing: nothing is under way."""


class UrlKeys:
    """Keys behind a URL: kept, fetched again in the background, and at once for an unknown key."""

    def __init__(self, issuer: Issuer, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._tried_at = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    def present(self) -> KeySet | None:
        """Return the keys that were fetched last; None where they are too old."""
        if self._keys is None:
            return None
        age_s = self._clock() - self._fetched_at
        if age_s > self._issuer.refresh_s:
            self._fetch()
        return self._keys if age_s <= self._issuer.stale_limit_s else None

    async def current(self) -> KeySet:
        """Return the keys. ACCESS_UNKNOWN where they were never had, or too long ago."""
        if keys := self.present():
            return keys
        return await self.renewed()

    async def renewed(self) -> KeySet:
        """Return the keys, fetched again unless that was tried a moment ago."""
        if fetching := self._fetch():
            await asyncio.shield(fetching)
        if keys := self.present():
            return keys
        raise cannot_tell("token")

    async def close(self) -> None:
        """End the fetch under way."""
        if self._fetching:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching

    def _fetch(self) -> "asyncio.Task[None] | None":
        """Return the fetch under way, begun now where the last one is long enough ago."""
        if self._fetching and not self._fetching.done():
            return self._fetching
        if self._clock() - self._tried_at < self._issuer.cooldown_s:
            return None
        self._tried_at = self._clock()
        self._fetching = asyncio.create_task(self._take(), name="fetch of public keys")
        return self._fetching

    async def _take(self) -> None:
        try:
            content = await asyncio.to_thread(_get, self._issuer.jwks_url)
            self._keys = parse_jwks(content)
        except (OSError, ValueError, HTTPException) as error:
            log.warning("the keys of %s cannot be had: %s", self._issuer.issuer, error)
            return
        self._fetched_at = self._clock()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: the setting says who has the keys, and not whoever answers."""


def _get(url: str) -> bytes:
    """Return what a URL answers, within a time and a size. OSError, ValueError, HTTPException."""
    deadline = time.monotonic() + FETCH_TIMEOUT_S
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    content = b""
    with urllib.request.build_opener(*handlers).open(url, timeout=FETCH_TIMEOUT_S) as answer:
        # Piece by piece: the timeout is for each read, and a server may drip.
        while piece := answer.read1(_PIECE_BYTES):
            content += piece
            if len(content) > MAX_JWKS_BYTES:
                raise ValueError(f"more than {MAX_JWKS_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"it took more than {FETCH_TIMEOUT_S:g} s")
    return content
