"""Lists on terminals of several widths."""

import datetime
import io

import pytest
from rich.console import Console

from adjutant_messages.adjutant.common.v1 import AuditKind, ErrorReason
from adjutant_messages.adjutant.orchestrator.v1 import AuditEntry
from services.cli.tables import audit_lines, audit_table, fits

ENTRY = AuditEntry(
    time=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    kind=AuditKind.DENIAL,
    principal="clients/acme/projects/web/apiKeys/mb0tk2vbcevx7lg6",
    method="adjutant.orchestrator.v1.MemberService/ListMembers",
    resource="clients/acme/projects/web",
    denial=ErrorReason.PERMISSION_DENIED,
    count=3,
)


@pytest.mark.parametrize(("width", "has_room"), [(80, False), (120, False), (1000, True)])
def test_the_audit_log_loses_no_column_on_a_narrow_terminal(width: int, has_room: bool) -> None:
    console = Console(file=io.StringIO(), width=width)
    assert fits(console, audit_table([ENTRY])) is has_room


def test_an_entry_has_on_its_lines_what_it_has_in_columns() -> None:
    first, second = audit_lines(ENTRY)
    for part in ("2026-01-0", "denial x3", "ListMembers", "PERMISSION_DENIED"):
        assert part in first
    assert ENTRY.principal in second
    assert second.endswith("at clients/acme/projects/web")
