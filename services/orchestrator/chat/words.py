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
    """Return each word of a text once, sorted."""
    return sorted({word for word, _, _ in _found(text)})


def snippet_of(text: str, words: Sequence[str]) -> Snippet:
    """Return the piece of a text around the first of the words, in one line."""
    found = [(start, end) for word, start, end in _found(text) if word.startswith(tuple(words))]
    first = found[0][0] if found else 0
    begin = max(first - _BEFORE, 0)
    if begin:  # where a word begins, if one does in between
        begin = min(
            (start for _, start, _ in _found(text) if begin <= start <= first), default=first
        )
    before = _CUT if begin else ""
    room = SNIPPET - len(before)
    is_cut = len(text) - begin > room
    end = begin + room - len(_CUT) if is_cut else len(text)
    piece = re.sub(r"\s", " ", text[begin:end])
    shift = len(before) - begin
    return Snippet(
        before + piece + (_CUT if is_cut else ""),
        [(start + shift, stop + shift) for start, stop in found if begin <= start and stop <= end],
    )


def _found(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a text as they are compared, and from where to where they stand."""
    for match in _WORD.finditer(text):
        if word := _folded(match[0]):
            yield word, match.start(), match.end()


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", letters.casefold())[:MAX_WORD]
