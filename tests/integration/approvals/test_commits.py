"""What is approved is exactly what is committed, edits included."""

from pathlib import Path

import grpc
import pytest

from adjutant.common.v1 import approval_pb2 as states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from adjutant.orchestrator.v1 import task_pb2
from tests.support.approvals import CHOOSE, DENY, answer, choose
from tests.support.errors import reason_of
from tests.support.mesh import MeshInProcess, git

PLAN = "# Change\n- [ ] write\n  run: echo a > a.txt\n"
BREAKING = "# Change\n- [ ] write\n  run: echo a > a.txt\n  breaking: yes\n"


async def test_an_edited_commit_is_what_git_shows(mesh: MeshInProcess, repo: Path) -> None:
    task = await mesh.caller.submit(PLAN, repo)
    asked = await mesh.caller.pending_approval(task.name)
    assert (asked.kind, asked.risk) == (states.APPROVAL_KIND_COMMIT, states.RISK_MEDIUM)
    edit = pb.CommitEdit(message="Say a\n\nBecause.", branch="feature/a")
    decided = await answer(
        mesh.caller, asked.name, edited_commit=edit, action_digest=asked.action_digest
    )
    assert decided.action_digest != asked.action_digest
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert done.commit.branch == "feature/a"
    assert git(repo, "rev-parse", "feature/a") == done.commit.sha
    assert git(repo, "log", "-1", "--format=%B", "feature/a") == "Say a\n\nBecause."
    edited = [entry for entry in decided.history if entry.HasField("action")]
    assert [entry.action.commit for entry in edited] == [asked.commit]


@pytest.mark.parametrize(
    "edit", [pb.CommitEdit(branch="bad..name"), pb.CommitEdit(), pb.CommitEdit(message="  ")]
)
async def test_an_edit_that_git_would_refuse_is_refused_and_leaves_the_question_open(
    mesh: MeshInProcess, repo: Path, edit: pb.CommitEdit
) -> None:
    task = await mesh.caller.submit(PLAN, repo)
    asked = await mesh.caller.pending_approval(task.name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answer(mesh.caller, asked.name, edited_commit=edit)
    assert reason_of(refused.value) == "INVALID_EDIT"
    assert (await mesh.caller.pending_approval(task.name)).etag == asked.etag


@pytest.mark.parametrize(
    "plan",
    [
        BREAKING,
        "# feat(api)!: rename the field\n- [ ] write\n  run: echo a > a.txt\n",
        "# Change\n- [ ] refactor!: drop it\n  run: echo a > a.txt\n",
    ],
)
async def test_no_policy_commits_what_breaks_others(
    mesh: MeshInProcess, repo: Path, plan: str
) -> None:
    policy = task_pb2.APPROVAL_POLICY_APPROVE
    task = await mesh.caller.submit(plan, repo, approval_policy=policy)
    asked = await mesh.caller.pending_approval(task.name)
    assert asked.risk == states.RISK_HIGH
    assert asked.escalation.kind == states.ESCALATION_KIND_BREAKING_MERGE
    assert list(asked.escalation.commit.changed_files) == ["a.txt"]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answer(mesh.caller, asked.name)
    assert reason_of(refused.value) == "UNKNOWN_CHOICE", "yes must say to what"
    edit = pb.CommitEdit(message="Break it")
    await answer(mesh.caller, asked.name, CHOOSE, choice_id="commit", edited_commit=edit)
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert git(repo, "log", "-1", "--format=%s", done.commit.branch) == "Break it"


async def test_who_gives_up_a_breaking_commit_commits_nothing(
    mesh: MeshInProcess, repo: Path
) -> None:
    task = await mesh.caller.submit(BREAKING, repo)
    decided = await choose(mesh.caller, task.name, "give-up")
    assert decided.state == states.APPROVAL_STATE_DENIED
    done = await mesh.caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_DENIED
    assert git(repo, "branch", "--format=%(refname:short)") == "main"


async def test_no_is_giving_up(mesh: MeshInProcess, repo: Path) -> None:
    task = await mesh.caller.submit(BREAKING, repo)
    asked = await mesh.caller.pending_approval(task.name)
    decided = await answer(mesh.caller, asked.name, DENY)
    assert (decided.state, decided.choice_id) == (states.APPROVAL_STATE_DENIED, "give-up")
