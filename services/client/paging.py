"""Lists that come in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Item = TypeVar("Item")


async def pages(
    page: Callable[[str], Awaitable[tuple[list[Item], str]]],
) -> AsyncIterator[Item]:
    """Yield items page after page; `page` takes a token and returns items and the next token."""
    token = ""
    while True:
        items, token = await page(token)
        for item in items:
            yield item
        if not token:
            return
