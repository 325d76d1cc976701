"""Numbers of steps, stored as ranges.

A heading of many steps after another of many makes a wait of each pair; as ranges they take a few
bytes, and a task's record, which is written whole at each change, stays small.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator


def to_ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as text, such as `1-3,7`."""
    return ",".join(
        f"{first}-{last}" if last > first else str(first) for first, last in _runs(numbers)
    )


def from_ranges(stored: Any) -> list[int]:
    """Return the numbers of a text; a list, as older versions stored it, stays. ValueError."""
    if not isinstance(stored, str):
        return [int(number) for number in stored]
    found: list[int] = []
    for part in stored.split(",") if stored else ():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if last is not None and first is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


Numbers = Annotated[
    list[int],
    PlainValidator(from_ranges),
    PlainSerializer(to_ranges, return_type=str, when_used="json"),
]
"""Numbers of steps, ascending."""
