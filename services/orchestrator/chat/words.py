"""The words of a text, as they are searched for, and the piece of a text around what was found.

Case and accents make no difference. Scripts that put no space between words are taken a character
at a time. Both a message and a query are taken apart here, so whatever is done to one is
done to the other.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

END: Final = " "
"""Ends each word where it is kept, so that a query can ask for a whole word too."""
MIN_BEGINNING: Final = 3
"""Characters from which on a query's word may be the beginning of others."""
MAX_WORD: Final = 64
"""Characters of a word that count."""
SNIPPET: Final = 240
"""Characters of a snippet at most."""
_BEFORE: Final = 80
"""Characters of a snippet before what was found, at most."""
_CUT: Final = "…"
# Thai, Lao, Khmer and Burmese; kana; Han.
_SPACELESS: Final = (
    "\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_MARKS: Final = "\u0300-\u036f"
_WORD: Final = re.compile(rf"[{_SPACELESS}]|(?:(?![{_SPACELESS}])[^\W_]|[{_MARKS}])+")


@dataclass(frozen=True)
class Snippet:
    """A piece of a text, and where the words in it stand that were searched for."""

    text: str
    highlights: list[tuple[int, int]]
    """First character of each, and the one after its last."""


def words_of(text: str) -> list[str]:
    """Return each word of a text once, sorted, as it is kept."""
    return sorted({word + END for word, _, _ in _found(text)})


def query_of(text: str) -> list[str]:
    """Return what the words that are kept must begin with for each word of a query, sorted."""
    words = {word for word, _, _ in _found(text)}
    return sorted(word if len(word) >= MIN_BEGINNING else word + END for word in words)


def snippet_of(text: str, query: Sequence[str]) -> Snippet:
    """Return the piece of a text around the first word that a query asks for, in one line."""
    first = next(_asked_for(text, query), (0, 0))[0]
    begin = _begin_of(text, first)
    before = _CUT if begin else ""
    room = SNIPPET - len(before)
    is_cut = len(text) - begin > room
    end = begin + room - len(_CUT) if is_cut else len(text)
    shift = len(before)
    # A little more is looked at, for a word that is cut is not the word that it seems.
    found = _asked_for(text[begin : end + MAX_WORD], query)
    return Snippet(
        before + re.sub(r"\s", " ", text[begin:end]) + (_CUT if is_cut else ""),
        [(start + shift, stop + shift) for start, stop in found if begin + stop <= end],
    )


def _asked_for(text: str, query: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where the words stand that a query asks for."""
    asked = tuple(query)
    for word, start, stop in _found(text):
        if (word + END).startswith(asked):
            yield start, stop


def _begin_of(text: str, first: int) -> int:
    """Return where a snippet begins: with a word, a little before what was found."""
    begin = max(first - _BEFORE, 0)
    if not begin:
        return 0
    # What stands there may be the rest of a word; the next one is whole.
    words = _found(text[begin:first])
    return next((begin + start for _, start, _ in words if start), first)


def _found(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a text as they are compared, and from where to where they stand."""
    for match in _WORD.finditer(text):
        if word := _folded(match[0]):
            yield word, match.start(), match.end()


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", letters.casefold())[:MAX_WORD]
