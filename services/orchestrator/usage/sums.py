"""Adds up what calls took, in groups."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Final

from adjutant.orchestrator.v1 import usage_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.store import now
from services.orchestrator import convert
from services.orchestrator.requests import moment
from services.orchestrator.usage.amount import to_money
from services.orchestrator.usage.day import Key, Sum, UsageDays
from services.orchestrator.usage.period import days

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
"""Fields of a line that tell it apart in each dimension, in the order of the rows."""


class Sums:
    """Answers QueryUsage."""

    def __init__(self, days: UsageDays) -> None:
        self._days = days

    async def query(self, request: pb.QueryUsageRequest) -> pb.QueryUsageResponse:
        """Return a page of sums. INVALID_REQUEST, INVALID_PAGE_TOKEN."""
        first, last = _span(request)
        asked = (own for dimension, own in _FIELDS.items() if dimension in request.group_by)
        fields = [field for own in asked for field in own]
        after = _after(request)
        sums: dict[Key, Sum] = {} if fields else {(): Sum()}
        for day in days(first, last):
            for line in await self._days.lines(request.parent, day):
                if request.task in ("", line.task):
                    key = tuple(getattr(line, field) for field in fields)
                    sums.setdefault(key, Sum()).add(line)
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
