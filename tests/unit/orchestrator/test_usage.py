"""Amounts, prices and periods of the ledger."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price

from adjutant.common.v1 import money_pb2
from services.mesh.errors import AdjutantError
from services.orchestrator.models.port import Usage
from services.orchestrator.usage import call as calls
from services.orchestrator.usage.amount import PICOS, of_money, text_of, to_money
from services.orchestrator.usage.budget import BudgetRecord, hold, let_go, roll, warn
from services.orchestrator.usage.call import CallRecord
from services.orchestrator.usage.day import Sum
from services.orchestrator.usage.period import days, end_of, start_of
from services.orchestrator.usage.prices import ModelPrice, Prices
from tests.support.usage import CENTS, PROJECT, SCOPE

JUNE = datetime(2026, 6, 30, 23, 59, tzinfo=UTC)
JULY = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)


def price(**dollars: Any) -> ModelPrice:
    return ModelPrice.model_validate(dollars)


def new_call(call_id: str = "c", cost: int = CENTS, time: datetime = JUNE) -> CallRecord:
    call = calls.new_call(SCOPE, call_id, "test", "dime", JULY - JUNE)
    calls.take(call, Usage(), cost)
    call.create_time = time
    return call


def new_budget(cents: int = 10, **values: Any) -> BudgetRecord:
    fields = {"amount": cents * CENTS, "counted": True, "create_time": JUNE, "update_time": JUNE}
    record = BudgetRecord.model_validate({"name": f"{PROJECT}/budgets/b", **fields, **values})
    roll(record, JUNE)
    return record


def spend(budget: BudgetRecord, call: CallRecord) -> list[Any]:
    assert hold(budget, call).fits
    call.state = "SETTLED"
    return let_go(budget, call, call.call_id) or []


@pytest.mark.parametrize(
    ("picos", "units", "nanos"),
    [(0, 0, 0), (1, 0, 1), (1000, 0, 1), (1001, 0, 2), (PICOS - 1, 1, 0), (5 * PICOS, 5, 0)],
)
def test_an_amount_is_rounded_up_to_nanos(picos: int, units: int, nanos: int) -> None:
    money = to_money(picos)
    assert (money.currency_code, money.units, money.nanos) == ("USD", units, nanos)


def test_an_amount_goes_there_and_back_and_reads_well() -> None:
    money = money_pb2.Money(currency_code="USD", units=10**9, nanos=5)
    assert to_money(of_money(money, "x")) == money
    assert text_of(5 * PICOS // 2) == "2.50 USD"
    with pytest.raises(AdjutantError) as error:
        of_money(money_pb2.Money(currency_code="EUR", units=1), "budget.amount")
    assert error.value.field == "budget.amount.currency_code"


def test_amounts_beyond_what_databases_count_survive_the_store() -> None:
    budget = new_budget(amount=10**9 * PICOS)
    assert BudgetRecord.model_validate_json(budget.model_dump_json()) == budget
    assert isinstance(budget.model_dump(mode="json")["amount"], str)


def test_a_thousand_parts_of_a_nano_add_up() -> None:
    total = Sum()
    for _ in range(1000):
        total.add(Sum(cost=400))
    assert (total.cost, to_money(total.cost).nanos) == (400_000, 400)


async def test_a_price_of_the_settings_goes_before_the_published_one() -> None:
    prices = Prices(
        {"openai/gpt-4o": price(input=1, output=2), "openai/*": price(input=3, output=3)}
    )
    usage = Usage(input_tokens=1000, output_tokens=100, cached_input_tokens=400)
    assert await prices.cost("openai", "gpt-4o", usage, JUNE) == 1200 * PICOS // 10**6
    assert await prices.cost("openai", "mine", usage, JUNE) == 3300 * PICOS // 10**6


async def test_what_the_cache_had_has_its_own_price() -> None:
    prices = Prices({"p/m": price(input=1, cached_input="0.1", output=0)})
    usage = Usage(input_tokens=1000, cached_input_tokens=400)
    assert await prices.cost("p", "m", usage, JUNE) == 640 * PICOS // 10**6
    too_many = Usage(input_tokens=10, cached_input_tokens=400)
    assert await prices.cost("p", "m", too_many, JUNE) == PICOS // 10**6


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5")]
)
async def test_prices_are_those_that_genai_prices_publishes(provider: str, model: str) -> None:
    usage = Usage(input_tokens=1234, output_tokens=56, cached_input_tokens=78)
    tokens = Tokens(input_tokens=1234, output_tokens=56, cache_read_tokens=78)
    published = calc_price(tokens, model_ref=model, provider_id=provider)
    cost = await Prices({}).cost(provider, model, usage, datetime.now(UTC))
    assert cost
    assert Decimal(cost) == published.total_price * PICOS


async def test_what_runs_here_is_free_and_what_nobody_knows_is_not() -> None:
    prices = Prices({})
    usage = Usage(input_tokens=5, output_tokens=5)
    assert await prices.cost("ollama", "llama3", usage, JUNE) == 0
    assert await prices.is_free("scripted", "default", JUNE)
    assert await prices.cost("openai", "nobody-knows", usage, JUNE) is None
    assert not await prices.is_free("openai", "nobody-knows", JUNE)
    assert not await prices.is_free("openai", "gpt-4o", JUNE)


async def test_a_provider_is_priced_as_what_it_is_whatever_it_is_called() -> None:
    prices = Prices({}, {"local": "ollama", "team": "openai", "ollama": "openai"})
    usage = Usage(input_tokens=1000, output_tokens=10)
    now = datetime.now(UTC)
    assert await prices.cost("local", "llama3", usage, now) == 0
    published = await prices.cost("openai", "gpt-4o", usage, now)
    assert published
    assert await prices.cost("team", "gpt-4o", usage, now) == published
    assert await prices.cost("ollama", "gpt-4o", usage, now) == published


def test_periods_begin_at_midnight_utc() -> None:
    assert start_of("DAY", JUNE) == datetime(2026, 6, 30, tzinfo=UTC)
    assert start_of("MONTH", JUNE) == datetime(2026, 6, 1, tzinfo=UTC)
    assert start_of("TOTAL", JUNE) is None
    assert end_of("MONTH", datetime(2026, 2, 1, tzinfo=UTC)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert end_of("MONTH", datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert end_of("DAY", datetime(2026, 6, 30, tzinfo=UTC)) == JULY
    assert end_of("TOTAL", None) is None
    assert [day.day for day in days(JUNE, JULY)] == [30, 1]


def test_the_next_period_has_the_amount_anew() -> None:
    budget = new_budget(10, period="MONTH", warning_percent=50)
    assert len(spend(budget, new_call("a", 6 * CENTS))) == 1
    under_way = new_call("b", 4 * CENTS)
    assert hold(budget, under_way).fits
    refused = hold(budget, new_call("c"))
    assert (refused.fits, refused.left, len(refused.events or [])) == (False, 0, 1)
    assert hold(budget, new_call("d")).events is None  # it is told once
    assert hold(budget, new_call("e", 10 * CENTS, JULY)).fits
    assert (budget.spent, budget.reserved, budget.exhaust_time) == (0, 10 * CENTS, None)
    # What began in June is of June, whenever it ends; and a clock that is late begins no June.
    under_way.state = "SETTLED"
    assert let_go(budget, under_way, "b") is None
    assert not hold(budget, new_call("f", CENTS, JUNE)).fits
    assert budget.period_start == JULY


def test_a_total_is_for_good() -> None:
    budget = new_budget(10, period="TOTAL")
    spend(budget, new_call("a", 6 * CENTS))
    assert not hold(budget, new_call("b", 6 * CENTS, JULY)).fits
    assert hold(budget, new_call("c", 4 * CENTS, JULY)).fits


def test_a_warning_is_told_once_and_not_before_its_time() -> None:
    budget = new_budget(10, warning_percent=80)
    assert spend(budget, new_call("a", 7 * CENTS)) == []
    (warning,) = spend(budget, new_call("b"))
    assert warning.budget_warned.spent == to_money(8 * CENTS)
    assert spend(budget, new_call("c")) == []
    assert warn(new_budget(0, warning_percent=80)) == []
    assert spend(new_budget(10), new_call("a", 10 * CENTS)) == []
