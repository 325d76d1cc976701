"""How usage and budgets look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.cli.amounts import money
from services.cli.render import plain, table
from services.client import last_part

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from rich.table import Table

    from adjutant_messages.adjutant.common.v1 import Money
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_WIDTH: Final = 12


def usage_table(rows: Sequence[v1.UsageRow], asked: Sequence[str]) -> Table:
    """Return sums: what they are grouped by, then what was taken."""
    found = table(*asked, "calls", "input", "cached", "output", "cost", "notes")
    for row in rows:
        found.add_row(
            *(plain(_value(row, word)) for word in asked),
            f"{row.call_count:,}",
            f"{row.input_tokens:,}",
            f"{row.cached_input_tokens:,}",
            f"{row.output_tokens:,}",
            _amount(row.cost),
            _notes(row),
        )
    return found


def budgets_table(budgets: Sequence[v1.Budget]) -> Table:
    """Return a list of budgets."""
    found = table("budget", "amount", "per", "spent", "reserved", "state", "title")
    for one in budgets:
        found.add_row(
            last_part(one.name),
            _amount(one.amount),
            _word(one.period),
            _amount(one.spent),
            _amount(one.reserved),
            _state(one),
            plain(one.display_name),
        )
    return found


def show_budget(session: Session, budget: v1.Budget) -> None:
    """Print one budget."""
    session.say(budget.name)
    lines = [
        ("title", budget.display_name),
        ("amount", f"{_amount(budget.amount)} per {_word(budget.period)}"),
        ("spent", _amount(budget.spent)),
        ("reserved", _amount(budget.reserved)),
        ("warns at", f"{budget.warning_percent} %" if budget.warning_percent else ""),
        ("state", _state(budget)),
        ("anew on", _moment(budget.period_end_time)),
    ]
    for label, text in lines:
        if text:
            session.say(f"  {label:<{_WIDTH}}{plain(text)}")


def _value(row: v1.UsageRow, word: str) -> str:
    if word == "day":
        return f"{row.day_time:%Y-%m-%d}" if row.day_time else ""
    if word == "model":
        return f"{row.provider}/{row.model}"
    return last_part(getattr(row, word)) or "-"


def _notes(row: v1.UsageRow) -> str:
    notes = (
        (row.estimated_call_count, "estimated"),
        (row.unpriced_call_count, "of unknown price"),
    )
    return ", ".join(f"{count} {what}" for count, what in notes if count)


def _state(budget: v1.Budget) -> str:
    if budget.exhaust_time:
        return "exhausted"
    return "warned" if budget.warn_time else ""


def _word(period: v1.BudgetPeriod) -> str:
    return (period.name or "").lower()


def _amount(amount: Money | None) -> str:
    return money([amount]) if amount else ""


def _moment(time: datetime.datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else ""
