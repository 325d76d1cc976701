"""The digest of an action is one that any language can compute, and old records still read."""

import hashlib
from typing import Any

from adjutant.orchestrator.v1 import approval_pb2
from services.orchestrator.approvals.action import (
    CommitActionRecord,
    PatchRecord,
    PlanActionRecord,
    PlannedStepRecord,
    ToolActionRecord,
    ToolArgumentRecord,
    digest,
)
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.wire import approval


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


COMMIT = CommitActionRecord(
    repository_uri="https://git.example/a.git",
    base_sha="0" * 40,
    branch="adjutant/x",
    message='Say "ä"\n\n- one',
    patches=[PatchRecord(run="clients/a/projects/b/runs/r", sha256="1" * 64)],
    changed_files=["a.txt", "b.txt"],
)


def test_a_commits_digest_is_that_of_its_canonical_json() -> None:
    # Written out by hand, as another language would: RFC 8785 over ProtoJSON.
    canonical = (
        '{"commit":{"baseSha":"' + "0" * 40 + '","branch":"adjutant/x",'
        '"changedFiles":["a.txt","b.txt"],"message":"Say \\"ä\\"\\n\\n- one",'
        '"patches":[{"run":"clients/a/projects/b/runs/r","sha256":"' + "1" * 64 + '"}],'
        '"repositoryUri":"https://git.example/a.git"}}'
    )
    assert digest(COMMIT) == sha256(canonical)


def test_what_is_default_is_left_out() -> None:
    action = ToolActionRecord(
        tool_name="read_file",
        summary="",
        arguments=[ToolArgumentRecord(name="path", value="")],
    )
    assert digest(action) == sha256(
        '{"tool":{"arguments":[{"name":"path"}],"toolName":"read_file"}}'
    )


def test_a_plans_digest_names_its_complexity_and_counts() -> None:
    action = PlanActionRecord(
        steps=[PlannedStepRecord(number=2, title="two", after=[1])],
        complexity="HIGH",
        plan_digest="ab",
    )
    assert digest(action) == sha256(
        '{"plan":{"complexity":"COMPLEXITY_HIGH","planDigest":"ab",'
        '"steps":[{"after":[1],"number":2,"title":"two"}]}}'
    )


def test_every_part_of_an_action_is_in_its_digest() -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"branch": "other"},
        {"message": "other"},
        {"base_sha": "1" * 40},
        {"repository_uri": "other"},
        {"changed_files": ["a.txt"]},
        {"patches": []},
    )
    digests = {digest(COMMIT.model_copy(update=change)) for change in changes}
    assert len(digests | {digest(COMMIT)}) == len(changes) + 1


STORED = """{"name":"clients/a/projects/b/approvals/x","revision":3,"fence":0,
"create_time":"2026-01-01T00:00:00.000000Z","update_time":"2026-01-01T00:00:00.000000Z",
"task":"clients/a/projects/b/tasks/t","state":"PENDING","title":"Commit 1 changed file to main",
"commit":{"repository_uri":"/r","base_sha":"b","branch":"main","message":"m",
"patches":[{"run":"r","sha256":"s"}],"changed_files":["a.txt"]},
"action_digest":"d","decided_by":"UNSPECIFIED","decider":"","reason":"","decide_time":null}"""


def test_a_record_of_the_version_before_is_read_as_a_commit_that_never_expires() -> None:
    record = ApprovalRecord.model_validate_json(STORED)
    assert record.commit is not None
    assert (record.kind, record.commit.branch, record.action_digest) == ("COMMIT", "main", "d")
    assert record.expire_time is None
    again = ApprovalRecord.model_validate_json(record.model_dump_json())
    assert again == record
    message = approval(record)
    assert isinstance(message, approval_pb2.Approval)
    assert message.WhichOneof("action") == "commit"
