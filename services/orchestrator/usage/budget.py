"""A stored budget: what is spent of it, and which calls hold some of it.

All of it stands in the one record, which a write compares and sets as a whole, so of calls that
come at once, on whatever replicas, each sees what the others hold. Functions here change the
record in place and return the events that announce the change; None means that nothing changed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, Field

from adjutant.event.v1 import event_pb2, usage_events_pb2
from adjutant.orchestrator.v1 import budget_pb2
from services.mesh.events import new_event
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert
from services.orchestrator.usage import period
from services.orchestrator.usage.amount import Picos, to_money
from services.orchestrator.usage.call import COUNTED, CallRecord


class Held(BaseModel):
    """What a call that is under way holds."""

    amount: Picos
    until: UtcTime
    """When somebody looks what became of it."""
    asked: bool = True
    """Whether there was room for it; else it was found when the budget was counted, and was let
    through before there was the budget, or is about to ask."""


class BudgetRecord(Record):
    """A stored budget. Fields that the contract has too mean what it says."""

    display_name: str = ""
    amount: Picos = 0
    period: str = period.MONTH
    warning_percent: int = 0
    counted: bool = False
    """Whether what was spent in the period before it was made is in `spent`; nothing is held
    before it is."""
    spent: Picos = 0
    held: dict[str, Held] = Field(default_factory=dict)
    """Of the calls under way, by their ids."""
    lapsed: dict[str, Picos] = Field(default_factory=dict)
    """What of `spent` is of calls of which nobody said what they took, by their ids: what they did
    take can still come in its place."""
    period_start: UtcTime | None = None
    warn_time: UtcTime | None = None
    exhaust_time: UtcTime | None = None
    due_time: UtcTime | None = None
    """When the first call that holds some is to be looked after."""

    @property
    def reserved(self) -> int:
        """What the calls under way hold, in picodollars."""
        return sum(each.amount for each in self.held.values())

    @property
    def left(self) -> int:
        """What there is room for, in picodollars; below 0 where calls took more than reserved."""
        return self.amount - self.spent - self.reserved


BUDGETS: Final = Collection("budgets", BudgetRecord, fields=("display_name",), hidden=("due_time",))
Events = list[event_pb2.Event]


@dataclass(frozen=True)
class Answer:
    """Whether a call may be made."""

    fits: bool
    left: int = 0
    """What is left where it does not, in picodollars."""
    events: Events | None = None


def roll(budget: BudgetRecord, time: datetime) -> None:
    """Begin the period that a moment is in, where that is a later one.

    Calls that are under way belong to the period in which they began.
    """
    start = period.start_of(budget.period, time)
    if start is None or (budget.period_start and start <= budget.period_start):
        return
    budget.period_start = start
    budget.spent, budget.held, budget.lapsed = 0, {}, {}
    budget.warn_time = budget.exhaust_time = budget.due_time = None


def hold(budget: BudgetRecord, call: CallRecord) -> Answer:
    """Set aside what a call may cost, where there is room for it."""
    roll(budget, call.create_time)
    own = budget.held.get(call.call_id)
    if own and own.asked:
        return Answer(fits=True)
    left = budget.left + (own.amount if own else 0)
    if left <= 0 or call.cost > left:
        return Answer(fits=False, left=max(left, 0), events=_exhausted(budget))
    budget.held[call.call_id] = Held(amount=call.cost, until=call.due_time)
    _plan(budget)
    return Answer(fits=True, events=[])


def let_go(budget: BudgetRecord, call: CallRecord | None, call_id: str) -> Events | None:
    """Put what a call cost in place of what it held, or was believed to cost when it lapsed.

    One that is gone cost nothing.
    """
    if budget.held.pop(call_id, None) is None and call_id not in budget.lapsed:
        return None
    _plan(budget)
    budget.spent -= budget.lapsed.pop(call_id, 0)
    if call is not None and call.state in COUNTED:
        budget.spent += call.cost
        if call.state == "LAPSED":
            budget.lapsed[call_id] = call.cost
    return warn(budget)


def forget(budget: BudgetRecord, call_id: str) -> Events | None:
    """Leave it at what a call that lapsed was believed to cost: nobody will say any more."""
    return None if budget.lapsed.pop(call_id, None) is None else []


def recount(budget: BudgetRecord) -> None:
    """Have the spent of the period counted anew."""
    budget.counted, budget.spent, budget.due_time = False, 0, None
    budget.held, budget.lapsed = {}, {}


def count(budget: BudgetRecord, start: datetime | None, calls: list[CallRecord]) -> Events | None:
    """Take in the calls that began in the period that began then, where that one still goes on."""
    roll(budget, now())
    if budget.counted or budget.period_start != start:
        return None
    budget.counted = True
    budget.spent = sum(call.cost for call in calls if call.state in COUNTED)
    budget.lapsed = {call.call_id: call.cost for call in calls if call.state == "LAPSED"}
    budget.held = {
        call.call_id: Held(amount=call.cost, until=call.due_time, asked=False)
        for call in calls
        if call.state == "RESERVED" and call.cost
    }
    _plan(budget)
    return warn(budget)


def reconsider(budget: BudgetRecord) -> Events:
    """Forget what was told in the period: its amount, or what it warns of, is another one now."""
    budget.warn_time = budget.exhaust_time = None
    return warn(budget)


def warn(budget: BudgetRecord) -> Events:
    """Return the warning, where it is time for it and none was given in the period."""
    share = budget.amount * budget.warning_percent
    if not share or budget.spent * 100 < share:
        return []
    if budget.warn_time:
        return []
    budget.warn_time = now()
    warned = usage_events_pb2.BudgetWarned(
        display_name=budget.display_name,
        amount=to_money(budget.amount),
        spent=to_money(budget.spent),
        period_start_time=convert.time(budget.period_start),
    )
    return [new_event(resource=budget.name, budget_warned=warned)]


def _exhausted(budget: BudgetRecord) -> Events | None:
    if budget.exhaust_time:
        return None
    budget.exhaust_time = now()
    exhausted = usage_events_pb2.BudgetExhausted(
        display_name=budget.display_name,
        amount=to_money(budget.amount),
        spent=to_money(budget.spent),
        reserved=to_money(budget.reserved),
        period_start_time=convert.time(budget.period_start),
    )
    return [new_event(resource=budget.name, budget_exhausted=exhausted)]


def _plan(budget: BudgetRecord) -> None:
    budget.due_time = min((each.until for each in budget.held.values()), default=None)


def to_message(record: BudgetRecord) -> budget_pb2.Budget:
    """Return a budget as it is at this moment, as the contract's."""
    roll(record, now())
    return budget_pb2.Budget(
        name=record.name,
        display_name=record.display_name,
        amount=to_money(record.amount),
        period=f"BUDGET_PERIOD_{record.period}",
        warning_percent=record.warning_percent,
        spent=to_money(record.spent),
        reserved=to_money(record.reserved),
        period_start_time=convert.time(record.period_start),
        period_end_time=convert.time(period.end_of(record.period, record.period_start)),
        warn_time=convert.time(record.warn_time),
        exhaust_time=convert.time(record.exhaust_time),
        create_time=convert.time(record.create_time),
        update_time=convert.time(record.update_time),
        etag=record.etag,
    )
