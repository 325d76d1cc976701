"""The words of texts, and the snippets around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.chat.words import END, MAX_WORD, SNIPPET, query_of, snippet_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("…!? _", []),
        ("The the THE", ["the"]),
        ("Straße Café naïve Ёлка", ["cafe", "naive", "strasse", "елка"]),
        ("cafe\u0301 au lait", ["au", "cafe", "lait"]),
        ("snake_case v1.2 a-b", ["2", "a", "b", "case", "snake", "v1"]),
        ("部署失敗 deploy", ["deploy", "失", "敗", "署", "部"]),
        ("\ufb01le \uff12", ["2", "file"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == [word + END for word in words]


@given(st.lists(st.text()))
def test_a_text_is_found_by_each_piece_of_it(pieces: list[str]) -> None:
    words = words_of(" ".join(pieces))
    assert words == sorted(set(words))
    assert all(1 < len(word) <= MAX_WORD + len(END) for word in words)
    for piece in pieces:
        for asked in query_of(piece):
            assert any(word.startswith(asked) for word in words)


def test_a_query_asks_for_beginnings_and_for_short_words_whole() -> None:
    assert query_of("To Deploy a 部") == ["a ", "deploy", "to ", "部 "]


@given(st.text(), st.text(max_size=600))
def test_a_snippet_shows_what_was_found(before: str, after: str) -> None:
    snippet = snippet_of(f"{before} Needle {after}", ["need"])
    assert len(snippet.text) <= SNIPPET
    assert "\n" not in snippet.text
    found = [snippet.text[start:end] for start, end in snippet.highlights]
    assert found
    assert all(words_of(each)[0].startswith("need") for each in found)


def test_a_snippet_is_cut_where_words_begin() -> None:
    text = f"{'aaa bbb ' * 50}needle{' ccc' * 100}"
    snippet = snippet_of(text, ["needle"])
    assert snippet.text.startswith(("…aaa ", "…bbb "))
    assert snippet.text.endswith("…")
    assert [snippet.text[start:end] for start, end in snippet.highlights] == ["needle"]
    assert snippet_of("short needle", ["needle"]).text == "short needle"
