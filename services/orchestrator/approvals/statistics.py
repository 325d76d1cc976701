"""How approvals ended, and how long people took: counted from what is stored."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from google.protobuf import duration_pb2, timestamp_pb2

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.store import Store, now
from services.orchestrator import convert
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.approvals.metrics import response_s
from services.orchestrator.requests import moment

MAX_COUNTED: Final = 10_000
PAGE: Final = 500
DEFAULT_SPAN: Final = timedelta(days=30)


class ApprovalStatistics:
    """Counts the approvals of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, parent: str, since: timestamp_pb2.Timestamp | None) -> pb.ApprovalStatistics:
        """Return what became of the approvals since then. INVALID_REQUEST."""
        start = moment(since, "since_time") if since is not None else now() - DEFAULT_SPAN
        outcomes: Counter[tuple[str, str]] = Counter()
        responses_s: list[float] = []
        token, counted = "", 0
        while True:
            page = await self._store.page(
                APPROVALS,
                parent=parent,
                filter_text=f'create_time >= "{start.isoformat()}"',
                page_size=PAGE,
                page_token=token,
            )
            for record in page.records[: MAX_COUNTED - counted]:
                outcomes[record.state, record.decided_by] += 1
                if record.decided_by == "PERSON":
                    responses_s.append(response_s(record))
            counted += len(page.records)
            token = page.next_page_token
            if not token or counted >= MAX_COUNTED:
                return _message(start, outcomes, responses_s, truncated=bool(token))


def _message(
    start: datetime,
    outcomes: Counter[tuple[str, str]],
    responses_s: Sequence[float],
    *,
    truncated: bool,
) -> pb.ApprovalStatistics:
    yes, no = outcomes["APPROVED", "PERSON"], outcomes["DENIED", "PERSON"]
    expired = outcomes["EXPIRED", "UNSPECIFIED"]
    made = pb.ApprovalStatistics(
        since_time=convert.time(start),
        outcomes=[
            pb.ApprovalOutcome(
                state=convert.approval_state(state),
                decided_by=convert.approval_decider(decided_by),
                count=count,
            )
            for (state, decided_by), count in sorted(outcomes.items())
            if count
        ],
        truncated=truncated,
    )
    if yes + no:
        made.approval_rate = yes / (yes + no)
        made.median_response_duration.CopyFrom(_share(responses_s, 0.5))
        made.p95_response_duration.CopyFrom(_share(responses_s, 0.95))
    if yes + no + expired:
        made.expiry_rate = expired / (yes + no + expired)
    return made


def _share(seconds: Sequence[float], share: float) -> duration_pb2.Duration:
    """Return the time that a share of the answers took at most."""
    ordered = sorted(seconds)
    at = min(int(share * len(ordered)), len(ordered) - 1)
    span = duration_pb2.Duration()
    span.FromTimedelta(timedelta(seconds=ordered[at]))
    return span
