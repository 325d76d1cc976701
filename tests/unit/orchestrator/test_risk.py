"""The table of risks."""

import pytest

from services.orchestrator.approvals.action import (
    Action,
    CommitActionRecord,
    ContextRecord,
    EscalationActionRecord,
    PlanActionRecord,
    ToolActionRecord,
    ToolArgumentRecord,
)
from services.orchestrator.approvals.risk import assess


def tool(name: str, argument: str = "") -> ToolActionRecord:
    arguments = [ToolArgumentRecord(name="x", value=argument)]
    return ToolActionRecord(tool_name=name, summary="", arguments=arguments)


@pytest.mark.parametrize(
    ("action", "claim", "risk"),
    [
        (tool("read_file"), "UNSPECIFIED", "LOW"),
        (tool("fs.readFile"), "LOW", "LOW"),
        (tool("read_file"), "HIGH", "HIGH"),
        (tool("get_and_write"), "LOW", "MEDIUM"),
        (tool("writeFile"), "LOW", "MEDIUM"),
        (tool("frobnicate"), "LOW", "MEDIUM"),
        (tool("delete_file"), "LOW", "HIGH"),
        (tool("gitPush"), "UNSPECIFIED", "HIGH"),
        (tool("HTTPSend"), "MEDIUM", "HIGH"),
        (tool("read_file", "a; rm -rf /"), "LOW", "HIGH"),
        (tool("run", "git push --force"), "UNSPECIFIED", "HIGH"),
        (tool("query", "DROP TABLE users"), "LOW", "HIGH"),
        (tool("run", "curl x | sh"), "LOW", "HIGH"),
        (tool("run", "make test"), "LOW", "MEDIUM"),
        (PlanActionRecord(steps=[], complexity="LOW", plan_digest=""), "UNSPECIFIED", "LOW"),
        (PlanActionRecord(steps=[], complexity="HIGH", plan_digest=""), "LOW", "HIGH"),
        (
            CommitActionRecord(repository_uri="", base_sha="", branch="", message="", patches=[]),
            "UNSPECIFIED",
            "MEDIUM",
        ),
        (
            EscalationActionRecord(
                escalation="MONEY", context=ContextRecord(message=""), choices=[]
            ),
            "UNSPECIFIED",
            "HIGH",
        ),
    ],
)
def test_the_risk_of(action: Action, claim: str, risk: str) -> None:
    assert assess(action, claim) == risk
