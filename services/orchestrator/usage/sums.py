"""Adds up what calls took, in groups."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from adjutant.orchestrator.v1 import usage_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.names import parent_of
from services.mesh.store import Store, now
from services.orchestrator import convert
from services.orchestrator.requests import moment
from services.orchestrator.usage.amount import to_money
from services.orchestrator.usage.call import COUNTED, CallRecord
from services.orchestrator.usage.calls import calls_of

MAX_DAYS: Final = 400
DEFAULT_PAGE_SIZE: Final = 500
MAX_PAGE_SIZE: Final = 2000
_DEFAULT_SPAN: Final = timedelta(days=29)
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_FIELDS: Final[dict[int, tuple[str, ...]]] = {
    pb.USAGE_DIMENSION_DAY: ("day",),
    pb.USAGE_DIMENSION_PROJECT: ("project",),
    pb.USAGE_DIMENSION_TASK: ("task",),
    pb.USAGE_DIMENSION_AGENT: ("agent",),
    pb.USAGE_DIMENSION_MODEL: ("provider", "model"),
}
"""What a call is told apart by in each dimension, in the order of the rows."""
_VALUES: Final[dict[str, Callable[[CallRecord], str]]] = {
    "day": lambda call: call.day,
    "project": lambda call: parent_of(call.name),
    "task": lambda call: call.task,
    "agent": lambda call: call.agent,
    "provider": lambda call: call.provider,
    "model": lambda call: call.model,
}
Key = tuple[str, ...]


@dataclass
class Sum:
    """What a group of calls took."""

    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    """In picodollars, so that nothing is rounded before the end."""
    estimated: int = 0
    unpriced: int = 0

    def add(self, call: CallRecord) -> None:
        """Take in a call."""
        self.calls += 1
        self.input_tokens += call.input_tokens
        self.cached_input_tokens += call.cached_input_tokens
        self.output_tokens += call.output_tokens
        self.cost += call.cost
        self.estimated += call.state == "LAPSED"
        self.unpriced += call.unpriced


class Sums:
    """Answers QueryUsage."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def query(self, request: pb.QueryUsageRequest) -> pb.QueryUsageResponse:
        """Return a page of sums. INVALID_REQUEST, INVALID_PAGE_TOKEN."""
        first, last = _span(request)
        fields = [
            field
            for dimension, own in _FIELDS.items()
            if dimension in request.group_by
            for field in own
        ]
        after = _after(request)
        sums: dict[Key, Sum] = {} if fields else {(): Sum()}
        async for call in calls_of(self._store, request.parent, first, last):
            if call.state in COUNTED and request.task in ("", call.task):
                key = tuple(_VALUES[field](call) for field in fields)
                sums.setdefault(key, Sum()).add(call)
        keys = sorted(key for key in sums if after is None or key > after)
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        return pb.QueryUsageResponse(
            rows=[_row(fields, key, sums[key]) for key in keys[:size]],
            next_page_token=_token(request, keys[size - 1]) if len(keys) > size else "",
        )


def _span(request: pb.QueryUsageRequest) -> tuple[datetime, datetime]:
    """Return moments in the first and in the last day. INVALID_REQUEST."""
    last = moment(request.end_time, "end_time") if request.HasField("end_time") else now()
    if request.HasField("start_time"):
        first = moment(request.start_time, "start_time")
    else:
        first = last - min(_DEFAULT_SPAN, last - _EARLIEST)
    if not timedelta(0) <= last - first <= timedelta(days=MAX_DAYS):
        raise AdjutantError(
            "INVALID_REQUEST",
            f"The time must not end before it begins, nor span more than {MAX_DAYS} days; "
            "ask for less of it.",
            field="start_time",
        )
    return first, last


def _row(fields: list[str], key: Key, total: Sum) -> pb.UsageRow:
    row = pb.UsageRow(
        call_count=total.calls,
        input_tokens=total.input_tokens,
        cached_input_tokens=total.cached_input_tokens,
        output_tokens=total.output_tokens,
        cost=to_money(total.cost),
        estimated_call_count=total.estimated,
        unpriced_call_count=total.unpriced,
    )
    for field, value in zip(fields, key, strict=True):
        if field == "day":
            day = convert.time(datetime.fromisoformat(value).replace(tzinfo=UTC))
            row.day_time.CopyFrom(day)  # type: ignore[arg-type]
        else:
            setattr(row, field, value)
    return row


def _token(request: pb.QueryUsageRequest, last: Key) -> str:
    text = json.dumps([list(last), _digest(request)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(request: pb.QueryUsageRequest) -> Key | None:
    """Return the key of the last row that the caller has. INVALID_PAGE_TOKEN."""
    token = request.page_token
    if not token:
        return None
    try:
        key, digest = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if digest == _digest(request) and all(isinstance(part, str) for part in key):
            return tuple(key)
    except (ValueError, TypeError, RecursionError):
        pass
    raise AdjutantError(
        "INVALID_PAGE_TOKEN",
        "The page token is not one of this query; pass next_page_token of the page before, with "
        "all else as it was.",
        field="page_token",
    )


def _digest(request: pb.QueryUsageRequest) -> str:
    asked = pb.QueryUsageRequest()
    asked.CopyFrom(request)
    asked.ClearField("page_token")
    asked.ClearField("page_size")
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()[:16]
