"""docs/access.md tells what the code allows."""

import subprocess
import sys
from pathlib import Path

from adjutant.common.v1 import access_pb2
from services.mesh.access.roles import ROLES

PAGE = Path("docs/access.md").read_text()


def test_the_table_of_roles_is_that_of_the_code() -> None:
    done = subprocess.run([sys.executable, "docs/roles.py", "--check"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_every_permission_has_a_line_and_every_role_a_column() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    head = next(line for line in PAGE.splitlines() if line.startswith("| permission"))
    assert [cell.strip() for cell in head.split("|")][2:6] == [role.lower() for role in ROLES]
    for name, number in access_pb2.Permission.items():
        if number > access_pb2.PERMISSION_SELF:
            token = f"| `{name.removeprefix('PERMISSION_').lower()}` |"
            assert sum(line.startswith(token) for line in lines) == 1, name


def test_every_kind_of_entry_is_explained() -> None:
    for name, number in access_pb2.AuditKind.items():
        if number:
            assert f"| `{name.removeprefix('AUDIT_KIND_').lower()}` |" in PAGE
