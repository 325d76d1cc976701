"""Pages of what is in memory, with the filters, orders and tokens of every other list."""

import operator
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from services.mesh.store.query import Condition, parse_query

_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Listed(BaseModel):
    """An item of a list that is kept in one record."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells it from the others in the list."""


L = TypeVar("L", bound=Listed)


def page_of(items: Sequence[L], fields: Sequence[str], request: Any) -> tuple[list[L], str]:
    """Return a page of the items, and the next one's token. INVALID_FILTER, INVALID_PAGE_TOKEN."""
    query = parse_query(
        fields,
        parent=request.parent,
        filter_text=request.filter,
        order_by=request.order_by,
        page_size=request.page_size,
        page_token=request.page_token,
    )
    order, descending = query.order.field, query.order.descending
    found: list[tuple[str, str, L]] = []
    for item in items:
        row = item.model_dump(mode="json")
        if all(_matches(row, condition) for condition in query.conditions):
            found.append((row[order], item.key, item))
    found.sort(key=lambda each: each[:2], reverse=descending)
    if query.after:
        after = (query.after.value, query.after.name)
        is_later = operator.lt if descending else operator.gt
        found = [each for each in found if is_later(each[:2], after)]
    shown = found[: query.page_size]
    token = query.next_token(*shown[-1][:2]) if len(found) > len(shown) else ""
    return [item for _, _, item in shown], token


def _matches(row: Mapping[str, str], condition: Condition) -> bool:
    return _OPERATORS[condition.op](row[condition.field], condition.value)
