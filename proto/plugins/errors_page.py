"""Writes `docs/errors.md` from the contract's comments and the table of reasons.

python proto/plugins/errors_page.py           write the page
python proto/plugins/errors_page.py --check   exit 1 where it is stale
"""

import pathlib
import re
import sys

from services.mesh.errors import DOMAIN, REASONS

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "proto" / "adjutant" / "common" / "v1" / "error_reason.proto"
PAGE = ROOT / "docs" / "errors.md"
# `// ERROR_REASON_X: what it means.` above the value, on as many lines as it takes.
VALUE = re.compile(r"// ERROR_REASON_(\w+): (.+?)\n  ERROR_REASON_\1 = ", re.DOTALL)
HEAD = f"""\
<!-- Made by `make docs` from `error_reason.proto` and `services/mesh/errors.py`; edit those. -->

# Errors

A call that fails ends with a gRPC status and, in its details, a
`google.rpc.ErrorInfo` whose `domain` is `{DOMAIN}` and whose `reason` is one of
these. A field that is wrong is named in a `google.rpc.BadRequest`; a
`google.rpc.RetryInfo` says when the same call may succeed. Programs decide by the
reason, people read the message.

Work that is accepted and ends badly later is no failed call: the same reasons then
stand in the resource, in `Failure.reason`.

| reason | gRPC code | what it means |
|---|---|---|
"""


def meanings() -> dict[str, str]:
    """Return what the contract says of each reason."""
    found = VALUE.findall(CONTRACT.read_text())
    return {name: re.sub(r"\s*//\s*", " ", text).strip() for name, text in found}


def page() -> str:
    """Return the page as it should be; KeyError where a reason is in one place only."""
    said = meanings()
    if missing := said.keys() ^ REASONS.keys():
        raise KeyError(f"in the contract or in the table, not in both: {sorted(missing)}")
    rows = [
        f"| `{name}` | `{code.name}` | {said[name][0].upper()}{said[name][1:]} |\n"
        for name, code in REASONS.items()
    ]
    return HEAD + "".join(rows)


def main() -> None:
    """Write the page, or check it with `--check`."""
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit("docs/errors.md is stale; run `make docs` and commit")


if __name__ == "__main__":
    main()
