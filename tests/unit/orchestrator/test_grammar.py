"""The plan grammar of docs/plans.md."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mesh.errors import AdjutantError
from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.numbers import from_ranges, to_ranges
from services.orchestrator.plans.plan import MAX_STEPS, Plan, topological


def after(plan: Plan) -> dict[str, list[int]]:
    return {step.title: step.after for step in plan.steps}


def refused(text: str) -> AdjutantError:
    with pytest.raises(AdjutantError) as error:
        parse_plan(text)
    return error.value


def test_the_example_of_the_page_is_a_plan() -> None:
    page = Path("docs/plans.md").read_text()
    example = re.search(r"```markdown\n(.*?)```", page, re.DOTALL)
    assert example
    plan = parse_plan(example[1])
    assert plan.title == "Make the greeting polite"
    assert plan.goals == ["Write", "Check"]
    assert after(plan) == {
        "change the greeting": [],
        "say so in the changelog": [],
        "run the tests": [1, 2],
    }
    assert plan.steps[1].timeout_s == 120
    assert plan.steps[2].verify_command == "git diff --quiet -- test.sh"


def test_a_plan_without_headings_has_one_goal_and_takes_its_title_from_the_first_line() -> None:
    plan = parse_plan("- [ ] only\n  run: true\n")
    assert (plan.title, plan.goals) == ("only", ["only"])
    assert parse_plan("- [ ] only\n  run: true\n", "given").title == "given"


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("- [ ] xylophone", "xylophone"),
        ("* [ ] x", "x"),
        ("1. [ ] [x] marks the spot", "[x] marks the spot"),
        ("-- dashes --\n- [ ] one", "-- dashes --"),
    ],
)
def test_a_title_keeps_its_own_letters(line: str, title: str) -> None:
    assert parse_plan(f"{line}\n  run: true").title == title


def test_headings_of_one_level_are_goals() -> None:
    plan = parse_plan("# A\n- [ ] a\n  run: x\n# B\n- [ ] b\n  run: y\n# Empty\n")
    assert plan.goals == ["A", "B"]
    assert after(plan) == {"a": [], "b": [1]}


def test_after_takes_titles_numbers_and_groups() -> None:
    plan = parse_plan(
        "- [ ] one, with a comma\n  run: 1\n"
        "- [ ] group\n"
        "  - [ ] in a\n    run: a\n"
        "  - [ ] in b\n    run: b\n"
        "- [ ] by title\n  after: One, with a comma\n  run: 2\n"
        "- [ ] by number\n  after: 1\n  run: 3\n"
        "- [ ] by group\n  after: group, 1\n  run: 4\n"
    )
    assert after(plan)["by title"] == [1]
    assert after(plan)["by number"] == [1]
    assert after(plan)["by group"] == [1, 3, 4]
    assert "group" not in after(plan), "a group runs nothing"


def test_a_nested_step_waits_for_the_one_it_stands_under() -> None:
    plan = parse_plan("- [ ] outer\n  run: x\n  - [ ] inner\n    run: y\n")
    assert after(plan) == {"outer": [], "inner": [1]}


def test_a_ticked_step_needs_no_command() -> None:
    plan = parse_plan("- [x] done\n- [ ] next\n  after: done\n  run: x\n")
    assert [step.ticked for step in plan.steps] == [True, False]


def test_a_command_of_several_lines_stands_in_a_fence() -> None:
    plan = parse_plan("- [ ] long\n  timeout: 1m\n\n  ```sh\n  one\n    two\n  ```\n")
    assert plan.steps[0].command_line == "one\n  two"


def test_markdown_in_a_command_is_left_alone() -> None:
    plan = parse_plan('- [ ] x\n  run: echo "*a*" `date` <b> \\n [c](d) && true\n')
    assert plan.steps[0].command_line == 'echo "*a*" `date` <b> \\n [c](d) && true'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- [ ] x\n", 1, "no `run:`"),
        ("- [ ] x\n  run: a\n  rum: b\n", 3, "'rum' is no key"),
        ("- [ ] x\n  run: a\n  timeout: soon\n", 3, "no duration"),
        ("- [ ] x\n  run: a\n  timeout: 8000h\n", 3, "at most 7 days"),
        ("- [ ] x\n  run: a\n  after: y\n", 3, "'y', which is no step"),
        ("- [ ] x\n  run: a\n  after: x\n", 3, "waits for itself"),
        ("- [ ] x\n  run: a\n  agent:\n", 3, "`agent:` has no value"),
        ("- [ ] x\n  run: a\n  run: b\n", 3, "a command already"),
        ("- [ ] g\n  verify: true\n  - [ ] x\n    run: a\n", 1, "`run:` is missing"),
        (
            "- [ ] d\n  run: a\n- [ ] d\n  run: b\n- [ ] x\n  run: c\n  after: d\n",
            3,
            "use the number",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, says: str) -> None:
    error = refused(text)
    assert error.reason == "INVALID_PLAN"
    found = {violation.field: violation.description for violation in error.violations}
    assert says in found[f"instructions:{line}"]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_text() -> None:
    error = refused("- [ ] a\n- [ ] b\n  run: x\n  what: y\n- [ ] c\n")
    lines = [int(violation.field.split(":")[1]) for violation in error.violations]
    assert lines == [1, 4, 5]


def test_a_cycle_is_named() -> None:
    error = refused(
        "- [ ] a\n  run: x\n  after: c\n"
        "- [ ] b\n  run: y\n  after: a\n"
        "- [ ] c\n  run: z\n  after: b\n"
    )
    assert error.reason == "PLAN_CYCLE"
    assert all(f"{n} '{t}'" in error.message for n, t in ((1, "a"), (2, "b"), (3, "c")))


def test_text_without_a_checklist_needs_a_plan() -> None:
    assert refused("please fix this\n\n- a plain bullet\n").reason == "PLAN_REQUIRED"


def test_a_plan_has_a_bounded_number_of_steps() -> None:
    text = "".join(f"- [ ] s{n}\n  run: x\n" for n in range(MAX_STEPS + 1))
    assert refused(text).reason == "INVALID_PLAN"


@given(st.text(max_size=400))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        plan = parse_plan(text)
    except AdjutantError as error:
        assert error.reason in ("INVALID_PLAN", "PLAN_CYCLE", "PLAN_REQUIRED")
    else:
        assert plan.steps


@given(st.dictionaries(st.integers(1, 30), st.sets(st.integers(1, 30)), max_size=20))
def test_an_order_puts_each_after_what_it_needs(edges: dict[int, set[int]]) -> None:
    needs = {number: [n for n in before if n < number] for number, before in edges.items()}
    order = topological(needs)
    for number, before in needs.items():
        assert all(order.index(n) < order.index(number) for n in before)


def test_results_are_given_and_taken_by_name() -> None:
    plan = parse_plan(
        "- [ ] build, then pack\n  run: x\n  gives: version text, size integer, report file\n"
        "- [ ] check\n  run: x\n"
        "- [ ] ship\n  run: x\n"
        "  takes: version from build, then pack, report from 1\n  after: check\n  retry: 3\n"
    )
    build, _, ship = plan.steps
    assert [(given.name, given.type) for given in build.gives] == [
        ("version", "TEXT"),
        ("size", "INTEGER"),
        ("report", "FILE"),
    ]
    assert [(taken.name, taken.step) for taken in ship.takes] == [("version", 1), ("report", 1)]
    assert ship.after == [1, 2], "whoever takes also waits"
    assert ship.retry_limit == 3


def test_taking_adds_to_what_the_headings_say() -> None:
    plan = parse_plan(
        "## One\n- [ ] a\n  run: x\n## Two\n- [ ] b\n  run: x\n  gives: n integer\n"
        "- [ ] c\n  run: x\n  takes: n from b\n"
    )
    assert plan.steps[2].after == [1, 2]


GIVES = "- [ ] b\n  run: x\n  gives: n integer\n- [x] t\n  gives: m text\n- [ ] c\n  run: x\n"


@pytest.mark.parametrize(
    ("line", "number", "said"),
    [
        ("takes: v from b", 8, "gives no 'v'; it gives n"),
        ("takes: m from t", 8, "is ticked off and gives nothing"),
        ("takes: n from nowhere", 8, "which is no step"),
        ("takes: n from c", 8, "waits for itself"),
        ("takes: n from b, n from b", 8, "'n' is taken twice"),
        ("takes: n", 8, "takes nothing"),
        ("gives: v string", 8, "'string' is no type"),
        ("gives: v", 8, "'' is no type"),
        ("gives: Version text", 8, "names no result"),
        ("gives: ../v text", 8, "names no result"),
        ("gives: v text, v file", 8, "'v' is given twice"),
        ("retry: 0", 8, "is no number of retries"),
        ("retry: often", 8, "is no number of retries"),
        ("retry: 21", 8, "is no number of retries"),
    ],
)
def test_what_is_wrong_with_results_is_said_with_its_line(
    line: str, number: int, said: str
) -> None:
    with pytest.raises(AdjutantError) as refused:
        parse_plan(f"{GIVES}  {line}\n")
    assert refused.value.reason == "INVALID_PLAN"
    (violation,) = refused.value.violations
    assert violation.field == f"instructions:{number}"
    assert said in violation.description


def test_taking_from_each_other_is_a_cycle() -> None:
    with pytest.raises(AdjutantError) as refused:
        parse_plan(
            "- [ ] a\n  run: x\n  gives: n text\n  takes: m from b\n"
            "- [ ] b\n  run: x\n  gives: m text\n  takes: n from a\n"
        )
    assert refused.value.reason == "PLAN_CYCLE"


@pytest.mark.parametrize(
    ("numbers", "stored"),
    [([], ""), ([3], "3"), ([1, 2, 3, 7], "1-3,7"), ([1, 3, 4], "1,3-4")],
)
def test_numbers_of_steps_are_stored_as_ranges(numbers: list[int], stored: str) -> None:
    assert to_ranges(numbers) == stored
    assert from_ranges(stored) == numbers
    assert from_ranges(numbers) == numbers, "as older versions stored them"


def test_whoever_waits_for_what_is_ticked_off_waits_for_nobody() -> None:
    plan = parse_plan("## Before\n- [x] a\n- [ ] b\n  run: x\n## Now\n- [ ] c\n  run: x\n- [x] d\n")
    assert [step.after for step in plan.steps] == [[], [], [2], []]
