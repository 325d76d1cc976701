"""Steps that a message adds: the grammar of plans, with what the plan has already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mesh.errors import AdjutantError
from services.orchestrator.messages.additions import KnownStep, known_step, parse_additions
from services.orchestrator.plans.grammar import parse_plan

PLAN = """# Job
## Make
- [ ] all of it
  - [ ] build
    run: make
    gives: version text
  - [x] told
## Check
- [ ] test
  run: make test
"""


def _known(text: str = PLAN) -> list[KnownStep]:
    return [known_step(step) for step in parse_plan(text).steps]


def test_numbers_and_goals_go_on_after_the_plan() -> None:
    assert [step.number for step in _known()] == [2, 3, 4], "the group has a number too"
    plan = parse_additions("- [ ] a\n  run: x\n## Later\n- [ ] b\n  run: y\n", _known())
    assert plan is not None
    assert [(s.number, s.goal_index, s.after) for s in plan.steps] == [(5, 2, [4]), (6, 3, [5])]
    assert plan.goals == ["More", "Later"]


def test_after_and_takes_may_name_the_plans_steps_by_title_or_number() -> None:
    text = "- [ ] a\n  after: BUILD, 4\n  run: x\n- [ ] b\n  takes: version from build\n  run: y\n"
    plan = parse_additions(text, _known())
    assert plan is not None
    first, second = plan.steps
    assert first.after == [2, 4], "what is ticked off, as 3 is, holds nobody up"
    assert 2 in second.after
    assert [(taken.name, taken.step) for taken in second.takes] == [("version", 2)]


def test_what_is_no_checklist_adds_nothing() -> None:
    for text in ("hello", "- a\n- b\n", "# A heading\n", "```\n- [ ] in a fence\n```\n", "[ ] x"):
        assert parse_additions(text, _known()) is None


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("- [ ] a\n", "INVALID_PLAN", "line 1: step 'a' has no `run:` line"),
        ("\n\n- [ ] a\n  run: x\n  after: 1000\n", "INVALID_PLAN", "line 5: `after:` names '1000'"),
        ("- [ ] a\n  run: x\n  aftr: test\n", "INVALID_PLAN", "line 3: 'aftr' is no key"),
        (
            "- [ ] a\n  run: x\n  after: b\n- [ ] b\n  run: y\n  after: a\n",
            "PLAN_CYCLE",
            "5 'a' after 6 'b' after 5 'a'",
        ),
        (
            "- [ ] test\n  run: x\n- [ ] b\n  run: y\n  after: test\n",
            "INVALID_PLAN",
            "'test' is on",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_lines_of_the_message(
    text: str, reason: str, said: str
) -> None:
    with pytest.raises(AdjutantError) as refused:
        parse_additions(text, _known())
    assert refused.value.reason == reason
    assert said in refused.value.message
    assert "instructions" not in {v.field.split(":")[0] for v in refused.value.violations}
    for violation in refused.value.violations:
        assert 1 <= int(violation.field.removeprefix("text:")) <= text.count("\n") + 1


def test_a_task_has_no_more_steps_than_a_plan_may_have() -> None:
    known = [KnownStep(number=n, title=f"s{n}", goal_index=0) for n in range(1, 1001)]
    with pytest.raises(AdjutantError, match="at most 1000 steps"):
        parse_additions("- [ ] one more\n  run: x\n", known)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), max_size=8))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    try:
        plan = parse_additions("\n".join(lines), _known())
    except AdjutantError as refused:
        assert refused.reason in ("INVALID_PLAN", "PLAN_CYCLE")
    else:
        assert plan is None or min(step.number for step in plan.steps) > 4
