"""The query language of list methods: filters, orders and page tokens.

A filter is `field op value` joined by AND, a small part of AIP-160. A page
token holds where the page ended and a digest of the query it belongs to, so
that it cannot be used with another one.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dateutil import parser as dates

from services.mesh.errors import AdjutantError
from services.mesh.store.port import TIME_FORMAT

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 500
_TERM = re.compile(
    r"""\s*(?P<field>[a-z_]+)\s*(?P<op><=|>=|!=|=|<|>)\s*
        (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"()]+))\s*(?P<join>AND\b|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Condition:
    """One term of a filter."""

    field: str
    op: str
    value: str


@dataclass(frozen=True)
class Order:
    """What a list is sorted by; the name breaks ties."""

    field: str
    descending: bool


@dataclass(frozen=True)
class Position:
    """Where a page ended."""

    value: str
    name: str


@dataclass(frozen=True)
class Query:
    """A list request that was understood."""

    parent: str | None
    conditions: tuple[Condition, ...]
    order: Order
    page_size: int
    after: Position | None
    digest: str

    def next_token(self, value: str, name: str) -> str:
        """Return the token of the page that follows the given last record."""
        text = json.dumps([value, name, self.digest])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_query(
    fields: Sequence[str],
    *,
    parent: str | None,
    filter_text: str,
    order_by: str,
    page_size: int,
    page_token: str,
) -> Query:
    """Understand a list request over the given fields. INVALID_FILTER, INVALID_PAGE_TOKEN."""
    conditions = parse_filter(filter_text, fields)
    order = parse_order(order_by, fields)
    digest = hashlib.sha256(repr((parent, conditions, order)).encode()).hexdigest()[:16]
    size = min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    return Query(parent, conditions, order, size, _parse_token(page_token, digest), digest)


def parse_search(within: str, words: Sequence[str], page_size: int, page_token: str) -> Query:
    """Understand a search, which is newest first. INVALID_PAGE_TOKEN."""
    digest = hashlib.sha256(repr((within, tuple(words))).encode()).hexdigest()[:16]
    size = min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    order = Order("create_time", descending=True)
    return Query(None, (), order, size, _parse_token(page_token, digest), digest)


def parse_filter(text: str, fields: Sequence[str]) -> tuple[Condition, ...]:
    """Return the terms of a filter."""
    found: list[Condition] = []
    at = 0
    while text[at:].strip():
        term = _TERM.match(text, at)
        if not term:
            raise _bad_filter(f"cannot be read from character {at + 1} on: {text[at : at + 40]!r}")
        found.append(_condition(term, fields))
        at = term.end()
        if term["join"] and not text[at:].strip():
            raise _bad_filter("ends with AND; write a term after it")
    return tuple(found)


def _condition(term: re.Match[str], fields: Sequence[str]) -> Condition:
    field, value = term["field"], term["quoted"] if term["quoted"] is not None else term["bare"]
    if field not in fields:
        raise _bad_filter(f"names {field!r}, which cannot be filtered by; use {', '.join(fields)}")
    if field == "time" or field.endswith("_time"):
        try:
            value = _utc(dates.isoparse(value)).strftime(TIME_FORMAT)
        except (ValueError, OverflowError):
            raise _bad_filter(
                f"has {value!r} where a time like 2026-01-31T12:00:00Z goes"
            ) from None
    return Condition(field, term["op"], value)


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def parse_order(text: str, fields: Sequence[str]) -> Order:
    """Return what to sort by; newest first where nothing is asked."""
    if not text.strip():
        return Order("create_time", descending=True)
    field, direction, *more = [*text.split(), "asc"]
    if field not in fields or direction not in ("asc", "desc") or more not in ([], ["asc"]):
        raise AdjutantError(
            "INVALID_FILTER",
            f"order_by {text!r} cannot be read; write one of {', '.join(fields)} and asc or desc.",
            field="order_by",
        )
    return Order(field, direction == "desc")


def _parse_token(token: str, digest: str) -> Position | None:
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        value, name, of = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, RecursionError):
        raise _bad_token("is not one of ours") from None
    if of != digest or not isinstance(value, str) or not isinstance(name, str):
        raise _bad_token("belongs to another query")
    return Position(value, name)


def _bad_filter(problem: str) -> AdjutantError:
    return AdjutantError("INVALID_FILTER", f"The filter {problem}.", field="filter")


def _bad_token(problem: str) -> AdjutantError:
    return AdjutantError(
        "INVALID_PAGE_TOKEN",
        f"The page token {problem}; pass next_page_token of the page before, "
        "with the same parent, filter and order_by.",
        field="page_token",
    )
