"""What the calls of a day took, by all that they can be grouped by.

A day that is long over, and whose calls have all ended, is added up once and kept, so that a
question about a year does not read each of its calls. Nothing changes such a day any more.
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel

from services.mesh.errors import AdjutantError, suppress_not_found
from services.mesh.names import child, parent_of
from services.mesh.store import Collection, Record, Store, UtcTime, now
from services.orchestrator.usage.amount import Picos
from services.orchestrator.usage.call import CALL_STATES, COUNTED, CallRecord
from services.orchestrator.usage.calls import calls_of
from services.orchestrator.usage.period import day_text

_OVER: Final = timedelta(days=2)
"""From a day's beginning until nobody reserves a call in it any more, whatever held them up."""
MAX_KEPT_LINES: Final = 10_000
"""Lines of a day that is kept: some MB, which every document may have."""
Key = tuple[str, ...]


class Sum(BaseModel):
    """What calls took together."""

    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost: Picos = 0
    estimated: int = 0
    """Calls that count as what was reserved."""
    unpriced: int = 0
    """Calls of unknown price."""

    def add(self, other: "Sum") -> None:
        """Take in what other calls took."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.cached_input_tokens += other.cached_input_tokens
        self.output_tokens += other.output_tokens
        self.cost += other.cost
        self.estimated += other.estimated
        self.unpriced += other.unpriced


class Line(Sum):
    """What the calls of a day took that are alike."""

    day: str
    project: str
    task: str
    agent: str
    provider: str
    model: str

    @property
    def key(self) -> Key:
        """What they are alike in."""
        return (self.project, self.task, self.agent, self.provider, self.model)


class DayRecord(Record):
    """A day of a client or a project that is added up."""

    lines: list[Line]
    due_time: UtcTime
    """When it is forgotten."""


DAYS: Final = Collection("usageDays", DayRecord, hidden=("due_time",))


class UsageDays:
    """Adds up days."""

    def __init__(self, store: Store, keep_s: float) -> None:
        """Take how long calls are kept, in seconds; days are as long."""
        self._store = store
        self._keep = timedelta(seconds=keep_s)

    async def lines(self, parent: str, day: datetime) -> list[Line]:
        """Return what the calls of a client or a project took on the day that began then."""
        name = child(parent, DAYS.name, day_text(day))
        if kept := await self._store.find(DAYS, name):
            return kept.lines
        lines: dict[Key, Line] = {}
        ended = True
        async for call in calls_of(self._store, parent, day, day):
            ended = ended and CALL_STATES.is_final(call.state)
            if call.state in COUNTED:
                line = _line(call)
                if (first := lines.setdefault(line.key, line)) is not line:
                    first.add(line)
        found = list(lines.values())
        if ended and 0 < len(found) <= MAX_KEPT_LINES and day + _OVER <= now():
            await self._keep_day(name, day, found)
        return found

    async def forget(self, day: DayRecord) -> None:
        """Remove a day that was kept for long enough."""
        with suppress_not_found():
            await self._store.delete(DAYS, day.name)

    async def before_purge(self, parent: str) -> None:
        """Forget the sums of a client that a project goes into which is removed for good."""
        async for day in self._store.scan(DAYS, {"parent": (parent_of(parent),)}):
            await self.forget(day)

    async def _keep_day(self, name: str, day: datetime, lines: list[Line]) -> None:
        record = DayRecord(
            name=name,
            create_time=now(),
            update_time=now(),
            lines=lines,
            due_time=day + self._keep + _OVER,
        )
        try:
            await self._store.insert(DAYS, record)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":  # somebody else asked for it too
                raise


def _line(call: CallRecord) -> Line:
    return Line(
        day=call.day,
        project=parent_of(call.name),
        task=call.task,
        agent=call.agent,
        provider=call.provider,
        model=call.model,
        calls=1,
        input_tokens=call.input_tokens,
        cached_input_tokens=call.cached_input_tokens,
        output_tokens=call.output_tokens,
        cost=call.cost,
        estimated=call.state == "LAPSED",
        unpriced=call.unpriced,
    )
