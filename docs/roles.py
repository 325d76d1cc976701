"""Writes the table of roles of `docs/access.md` from the code.

python docs/roles.py           write it
python docs/roles.py --check   exit 1 where it is stale
"""

import pathlib
import re
import sys
from typing import Final

from adjutant.common.v1 import access_pb2
from services.mesh.access.roles import FORBIDDEN_TO_KEYS, ROLES, SERVICES

PAGE: Final = pathlib.Path(__file__).with_name("access.md")
_PLACE: Final = re.compile(r"(<!-- roles -->\n).*?(<!-- end -->)", re.DOTALL)
_NOT_GIVEN: Final = (access_pb2.PERMISSION_UNSPECIFIED, access_pb2.PERMISSION_SELF)


def table() -> str:
    """Return the table: a permission a line, and who holds it."""
    columns = [role.lower() for role in ROLES]
    head = ["permission", *columns, "API key", "services"]
    lines = [head, ["---"] * len(head)]
    for number in access_pb2.Permission.values():
        if number not in _NOT_GIVEN:
            lines.append(_line(number))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _line(number: int) -> list[str]:
    name = access_pb2.Permission.Name(number).removeprefix("PERMISSION_").lower()
    holders = ["yes" if number in held else "" for held in ROLES.values()]
    in_a_role = any(number in held for held in ROLES.values())
    for_keys = "as its role" if in_a_role and number not in FORBIDDEN_TO_KEYS else "never"
    services = ", ".join(sorted(name for name, held in SERVICES.items() if number in held))
    return [f"`{name}`", *holders, for_keys, services]


def main() -> None:
    """Write the table, or check it with `--check`."""
    text = PAGE.read_text()
    found = _PLACE.search(text)
    if not found:
        sys.exit(f"{PAGE.name} has no place for the table")
    wanted = text[: found.end(1)] + table() + text[found.start(2) :]
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(wanted)
    elif text != wanted:
        sys.exit(f"docs/{PAGE.name} is stale; run `make docs` and commit")


if __name__ == "__main__":
    main()
