"""Amounts of US dollars, in integers so fine that no token's price is lost in a sum."""

from typing import Annotated, Final

from pydantic import PlainSerializer

from adjutant.common.v1 import money_pb2
from services.mesh.errors import AdjutantError

CURRENCY: Final = "USD"
"""What prices are in, and therefore budgets."""
PICOS: Final = 10**12
"""Parts of a dollar: a millionth of a dollar for a million tokens is one a token."""
_PICOS_OF_NANO: Final = 1000

Picos = Annotated[int, PlainSerializer(str, return_type=str, when_used="json")]
"""An amount in picodollars. It is stored as text, for databases end at 64 bits."""


def of_money(money: money_pb2.Money, field: str) -> int:
    """Return the contract's amount in picodollars. INVALID_REQUEST where it is in others."""
    if money.currency_code != CURRENCY:
        raise AdjutantError(
            "INVALID_REQUEST",
            f"Prices of models are in {CURRENCY}, so the amount must be too; give one in "
            f"{CURRENCY}.",
            field=f"{field}.currency_code",
        )
    return money.units * PICOS + money.nanos * _PICOS_OF_NANO


def to_money(picos: int) -> money_pb2.Money:
    """Return an amount as the contract's, rounded up: what cost something is not nothing."""
    nanos = -(-picos // _PICOS_OF_NANO)
    units, rest = divmod(nanos, PICOS // _PICOS_OF_NANO)
    return money_pb2.Money(currency_code=CURRENCY, units=units, nanos=rest)


def text_of(picos: int) -> str:
    """Return an amount for people, such as `2.50 USD`, rounded up."""
    money = to_money(picos)
    part = f"{money.nanos:09d}".rstrip("0").ljust(2, "0")
    return f"{money.units}.{part} {CURRENCY}"
