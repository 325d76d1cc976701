import json
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelRequest,
    Role,
    StopReason,
    TextDelta,
    Usage,
)
from services.orchestrator.models.structured import ask_for
from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.proposal import ProposedPlan, ProposedStep
from tests.support.models import SCOPE, asked

GOOD = json.dumps({"steps": [{"title": "look", "command": "ls"}]})


class Says:
    """Stands in for the gateway: says one text after the other, in two pieces each."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.requests: list[ModelRequest] = []

    async def stream(
        self, scope: CallScope, request: ModelRequest, model: str = ""
    ) -> AsyncGenerator[Delta, None]:
        self.requests.append(request)
        text = self.texts.pop(0)
        yield TextDelta(text[:5])
        yield TextDelta(text[5:])
        yield Finished(Usage(), StopReason.END, "m")


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"  {GOOD}\n"])
async def test_an_answer_in_the_form_is_taken(text: str) -> None:
    models = Says(text)
    plan = await ask_for(ProposedPlan, models, SCOPE, asked("look"))
    assert plan.steps[0].command == "ls"
    assert models.requests[0].output_schema == ProposedPlan.model_json_schema()


async def test_the_model_is_told_what_was_wrong() -> None:
    models = Says('{"steps": []}', GOOD)
    await ask_for(ProposedPlan, models, SCOPE, asked("look"))
    before, told = models.requests[1].messages[-2:]
    assert (before.role, before.text) == (Role.ASSISTANT, '{"steps": []}')
    assert "at least 1 item" in told.text


async def test_it_is_given_up_when_the_second_is_wrong_too() -> None:
    with pytest.raises(ModelFailure, match="Invalid JSON") as raised:
        await ask_for(ProposedPlan, Says("no", "I said no"), SCOPE, asked("look"))
    assert raised.value.kind is FailureKind.BROKEN


@pytest.mark.parametrize(
    ("after", "told"),
    [([[2], [1]], "wait for each other"), ([[3], []], "no other step"), ([[1], []], "no other")],
)
def test_an_order_that_cannot_be_is_refused(after: list[list[int]], told: str) -> None:
    steps = [{"title": "x", "command": "true", "after": each} for each in after]
    with pytest.raises(ValidationError, match=told):
        ProposedPlan.model_validate({"steps": steps})


def test_a_plan_has_its_title_as_goal_and_its_order() -> None:
    steps = [
        ProposedStep(title="a", command="true", check=""),
        ProposedStep(title="b", command="false", after=[1, 1], check="test -f x"),
    ]
    plan = ProposedPlan(steps=steps).to_plan("Do it")
    assert (plan.title, plan.goals) == ("Do it", ["Do it"])
    assert [step.after for step in plan.steps] == [[], [1]]
    assert plan.steps[1].verify_command == "test -f x"


@given(st.text(max_size=300))
def test_titles_can_be_read_as_the_grammar_reads_them(text: str) -> None:
    """Messages that add steps read the plan again with the titles that it has."""
    try:
        title = ProposedStep(title=text, command="true", check="").title
    except ValidationError:
        return  # no words
    [step] = parse_plan(f"- [ ] {title}\n  run: true\n").steps
    assert step.title == title
