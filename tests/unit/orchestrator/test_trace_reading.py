"""Traces of MLflow that others made: they may look like anything."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orchestrator.traces.reading import read
from services.orchestrator.traces.trace import MANAGERS, PROJECT, Whole, trace_id

HERE = "clients/acme/projects/web"
NAME = f"{HERE}/traces/{trace_id('something')}"
START = 1_769_860_800_000_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def span(kind: str, span_id: bytes = b"12345678", **attributes: Any) -> dict[str, Any]:
    found = {f"mlflow.{key}": json.dumps(value) for key, value in attributes.items()}
    return {
        "name": "ask",
        "span_id": base64.b64encode(span_id).decode(),
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 5_000_000,
        "status": {"code": "STATUS_CODE_OK"},
        "attributes": {"mlflow.spanType": json.dumps(kind), **found},
    }


def read_all(*spans: dict[str, Any], name: str = NAME) -> Whole:
    return read(name, {"data": {"spans": list(spans)}}, ttl_s=60, max_bytes=10_000)


def test_calls_of_other_programs_are_read_as_far_as_they_are_any() -> None:
    outputs = {
        "choices": [
            {
                "finish_reason": "length",
                "message": {
                    "content": "Hi",
                    "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{}"}}],
                },
            }
        ]
    }
    found = read_all(
        span("CHAIN"),
        span(
            "CHAT_MODEL",
            b"model...",
            spanInputs={"messages": [{"role": "human", "content": [{"text": "Hello"}]}]},
            spanOutputs=outputs,
            **{"chat.tokenUsage": {"input_tokens": 3, "output_tokens": 4}, "llm.model": "m"},
        ),
        span("TOOL", b"tool....", spanInputs={"password": "abc"}, spanOutputs=[1, 2]),
    )
    model, tool = found.calls if found.calls[0].of_model else reversed(found.calls)
    assert found.trace.audience == MANAGERS
    assert model.of_model is not None
    assert tool.of_tool is not None
    assert model.name == f"{NAME}/calls/{b'model...'.hex()}"
    assert model.of_model.messages[0].role == "USER"
    assert "Hello" in model.of_model.messages[0].text.text
    assert (model.of_model.answer.text, model.of_model.stop_reason) == ("Hi", "LENGTH")
    assert model.of_model.requested[0].tool == "look"
    assert (model.of_model.usage.input_tokens, model.of_model.usage.output_tokens) == (3, 4)
    assert tool.of_tool.arguments.text == '{"password": "[redacted]"}'
    assert tool.of_tool.result.text == "[1, 2]"
    assert (tool.end_time - tool.start_time).total_seconds() == 0.005


def claiming(name: str, **scope: str) -> Whole:
    own = {"name": name, "principal": "users/eve", **scope}
    root = span("AGENT")
    root["attributes"]["adjutant.trace"] = json.dumps(own)
    return read_all(root, name=name)


def test_whose_it_is_is_believed_only_where_the_name_follows_from_it() -> None:
    response = f"{HERE}/sessions/s1/responses/r1"
    own = f"{HERE}/traces/{trace_id(response)}"
    believed = claiming(own, session=f"{HERE}/sessions/s1", response=response)
    assert (believed.trace.response, believed.trace.audience) == (response, "users/eve")
    task = f"{HERE}/tasks/t1"
    of_task = claiming(f"{HERE}/traces/{trace_id(task)}", task=task)
    assert of_task.trace.audience == PROJECT
    assert claiming(own, task=task).trace.audience == MANAGERS
    theirs = "clients/other/projects/web/tasks/t1"
    foreign = claiming(f"{HERE}/traces/{trace_id(theirs)}", task=theirs)
    assert (foreign.trace.task, foreign.trace.audience) == ("", MANAGERS)


@pytest.mark.parametrize("kind", ["CHAT_MODEL", "TOOL"])
@settings(max_examples=50)
@given(inputs=JSON, outputs=JSON, usage=JSON, own=JSON)
def test_nothing_that_stands_in_a_span_breaks_more_than_its_trace(
    kind: str, inputs: Any, outputs: Any, usage: Any, own: Any
) -> None:
    one = span(kind, spanInputs=inputs, spanOutputs=outputs, **{"chat.tokenUsage": usage})
    one["attributes"]["adjutant.call"] = json.dumps(own)
    found = read_all(one)
    assert len(found.calls) == 1
    assert found.calls[0].model_dump_json()
