"""What users are asked names what it is about; what cannot be done is told and not asked."""

import re

import pytest

from adjutant.common.v1 import approval_pb2 as words
from adjutant.orchestrator.v1 import approval_pb2, session_pb2
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.names import collection_and_id
from tests.integration.agents.conftest import Settle
from tests.integration.tenancy.conftest import PROJECT, House
from tests.support.approvals import DENY, tool
from tests.support.conversation import PLAN, Talk, models_file


def rule(match: str, name: str, **arguments: str) -> dict[str, object]:
    """Return the rule of a model that calls a tool."""
    return {"match": match, "tools": [{"name": name, "arguments": arguments}]}


RULES = [
    {"schema": "Intent", "text": '{"groups": ["tasks", "approvals", "queue"]}'},
    rule("(?s)^do: (?P<plan>.+)", "submit_task", instructions="{plan}"),
    rule("^cancel (?P<task>.+)", "cancel_task", task="{task}"),
    rule("^retry (?P<task>.+)", "retry_task", task="{task}"),
    rule("^move (?P<a>.+) (?P<b>.+)", "move_task", task="{a}", before="{b}", queue="BACKGROUND"),
    rule(
        "^(?P<decision>APPROVE|DENY) (?P<approval>.+) (?P<digest>.+)",
        "decide_approval",
        decision="{decision}",
        approval="{approval}",
        action_digest="{digest}",
        reason="it is\nneeded",
    ),
    {"role": "tool", "text": "{message}"},
    {"text": "nothing"},
]


@pytest.fixture
async def task(talk: Talk, settle: Settle, house: House) -> str:
    """A task of the session's project, and a model that calls tools as it is told."""
    await settle(models_file=models_file(house.folder / "models", RULES))
    await talk.say(f"do: {PLAN}")
    await talk.say("yes")
    [task] = await talk.tasks()
    return collection_and_id(task.name)[1]


async def summary(talk: Talk) -> str:
    """Return what the user is asked."""
    session = await talk.session()
    assert session.state == session_pb2.SESSION_STATE_AWAITING
    [call] = session.pending_action.calls
    return str(call.summary)


def without_state(text: str) -> str:
    """Return a summary without the states of tasks, which go on meanwhile."""
    return re.sub(r", [A-Z]+\)", ")", text)


async def requested(house: House, task: str) -> approval_pb2.Approval:
    """Have a program ask whether it may use a tool for a task."""
    action = tool("deploy")
    action.summary = "to the\n\n- shop"
    asked = pb.RequestApprovalRequest(
        parent=PROJECT, tool=action, risk=words.RISK_HIGH, task=f"{PROJECT}/tasks/{task}"
    )
    made = await house.owner.approvals.RequestApproval(asked)
    return made.approval  # type: ignore[no-any-return]


async def test_an_approval_is_answered_by_who_knows_what_it_allows(
    talk: Talk, house: House, task: str
) -> None:
    approval = await requested(house, task)
    approval_id, digest = collection_and_id(approval.name)[1], approval.action_digest
    asked = await talk.say(f"APPROVE {approval_id} {digest}")
    assert without_state(await summary(talk)) == (
        f"approve “Use deploy: to the - shop”, of risk HIGH, for the task “Greet” ({task}), "
        "because: “it is needed”"
    )
    assert await summary(talk) in asked.text
    assert f"{approval_id}  APPROVED" in (await talk.say("yes")).text


async def test_an_answer_that_nobody_waits_for_is_not_asked_about(
    talk: Talk, house: House, task: str
) -> None:
    approval = await requested(house, task)
    approval_id, digest = collection_and_id(approval.name)[1], approval.action_digest
    other = await talk.say(f"APPROVE {approval_id} {'0' * 64}")
    assert "ACTION_CHANGED" in other.text

    await talk.say(f"APPROVE {approval_id} {digest}")
    denial = pb.DecideApprovalRequest(name=approval.name, decision=DENY, reason="no")
    await house.owner.approvals.DecideApproval(denial)
    late = await talk.say("yes")  # somebody answered while the user was asked
    assert "APPROVAL_DECIDED" in late.text
    for decision in ("APPROVE", "DENY"):
        assert "APPROVAL_DECIDED" in (await talk.say(f"{decision} {approval_id} {digest}")).text
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("cancel {task}", "stop the task “Greet” ({task})"),
        ("retry {task}", "run the task “Greet” ({task}) again"),
        (
            "move {task} {task}",
            "move the task “Greet” ({task}) to BACKGROUND, before the task “Greet” ({task})",
        ),
    ],
)
async def test_a_task_is_called_what_people_call_it(
    talk: Talk, task: str, said: str, asked: str
) -> None:
    await talk.say(said.format(task=task))
    assert without_state(await summary(talk)) == asked.format(task=task)


async def test_whoever_may_not_look_at_tasks_is_told_no_more_than_they_said(
    house: House, task: str
) -> None:
    token = await house.owner.narrow_key(
        PROJECT, "EDITOR", "CHAT_READ", "CHAT_WRITE", "TASKS_WRITE"
    )
    talk = await Talk(house.with_token(token).channel).begin()
    await talk.say(f"cancel {task}")
    assert await summary(talk) == f"stop the task {task}"
