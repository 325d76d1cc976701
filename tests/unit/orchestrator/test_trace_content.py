"""What is kept of a call: no secrets, and no more than the bound."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orchestrator.traces.content import (
    MessageRecord,
    ModelRecord,
    TextRecord,
    redacted,
)


@pytest.mark.parametrize(
    "arguments",
    [
        {"password": "hunter2"},
        {"headers": {"Authorization": "hunter2"}},
        {"env": [{"AWS_SECRET": "hunter2"}]},
        {"x-api-key": ["hunter2"]},
        {"pin": {"client_secret": {"value": "hunter2"}}},
        {"command": "curl https://me:hunter2@example.org"},
        {"token": 123456789},
    ],
)
def test_secrets_are_taken_out_of_arguments_by_name_and_by_look(arguments: Any) -> None:
    text = TextRecord.of_json(arguments).text
    assert "hunter2" not in text
    assert "123456789" not in text
    assert "[redacted]" in text
    assert json.loads(text)


def test_what_only_sounds_like_a_secret_stays() -> None:
    arguments = {"max_tokens": 100, "passwords_changed": "no", "keyboard": "qwertz", "token": ""}
    assert redacted(arguments) == arguments


@settings(max_examples=50)
@given(st.lists(st.text(max_size=200), max_size=8), st.text(max_size=300), st.integers(0, 500))
def test_texts_together_are_within_the_bound(texts: list[str], answer: str, bound: int) -> None:
    messages = [MessageRecord(role="USER", text=TextRecord.of(text)) for text in texts]
    whole = ModelRecord(provider="p", model="m", messages=messages, answer=TextRecord.of(answer))
    kept = whole.bounded(bound)
    assert sum(len(text.text.encode()) for text in kept.texts()) <= bound
    for before, after in zip(whole.texts(), kept.texts(), strict=True):
        assert before.text.startswith(after.text)
        assert after.is_truncated == (after.text != before.text)
        assert after.size_bytes == len(before.text.encode())
    assert [text.text for text in whole.texts()][:1] == [answer]  # it itself is as it was


def test_an_excerpt_leaves_the_whole_as_it_is() -> None:
    messages = [MessageRecord(role="USER", text=TextRecord.of("x" * 1000)) for _ in range(2)]
    whole = ModelRecord(provider="p", model="m", messages=messages)
    shown = whole.excerpt()
    assert (len(shown.messages), shown.omitted_messages) == (1, 1)
    assert len(shown.messages[0].text.text) == 400
    assert [len(message.text.text) for message in whole.messages] == [1000, 1000]
