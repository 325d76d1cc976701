"""What becomes of approvals is counted, once each, without anybody's name."""

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.support.approvals import DENY, answer, heard, request, tool
from tests.support.mesh import MeshInProcess
from tests.support.metrics import Row, counted

REQUESTED, RESOLVED = "adjutant.approvals.requested", "adjutant.approvals.resolved"
RESPONSE = "adjutant.approvals.response_time"


def row(**labels: str) -> Row:
    return tuple(sorted({"kind": "tool", **labels}.items()))


async def test_each_outcome_is_counted_once(
    hasty: MeshInProcess, reader: InMemoryMetricReader
) -> None:
    names = (REQUESTED, RESOLVED, RESPONSE)
    before = {name: counted(reader, name) for name in names}
    denied, expired = await request(hasty.caller, tool("deploy")), await request(hasty.caller)
    for _ in range(2):
        await answer(hasty.caller, denied.name, DENY)
    await heard(hasty.caller, expired.name, "approval_resolved")
    grown = {
        name: {
            key: value - before[name].get(key, 0)
            for key, value in counted(reader, name).items()
            if value != before[name].get(key, 0)
        }
        for name in names
    }
    assert grown[REQUESTED] == {row(risk="high"): 1, row(risk="medium"): 1}
    assert grown[RESOLVED] == {
        row(risk="high", outcome="denied", decided_by="person"): 1,
        row(risk="medium", outcome="expired", decided_by="unspecified"): 1,
    }
    assert grown[RESPONSE] == {row(risk="high"): 1}
