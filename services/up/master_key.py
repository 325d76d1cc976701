"""Changes the file of master keys: `python -m services.up.master_key add|keep-only ID`.

The program behind `adjutant auth rotate-master-key`; it prints one JSON object. The
orchestrator reads the file again by itself.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from services.mesh.secrets import ring_file
from services.mesh.secrets.ring_file import MasterKeysError
from services.up.composition import settings_class, settings_from
from services.up.errors import UpError

EXIT_BAD_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Change the file and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        print(json.dumps(_done(options)))
    except (UpError, MasterKeysError) as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_USE
    return 0


def _done(options: argparse.Namespace) -> dict[str, object]:
    given = {} if options.data_dir is None else {"data_dir": options.data_dir}
    settings: Any = settings_from(settings_class("orchestrator"), **given)
    source, path = settings.master_key_source, settings.master_key_path
    if source != "file":
        return {"source": source}
    if options.operation == "add":
        return {"source": source, "path": str(path), "id": ring_file.add_key(path)}
    return {"source": source, "path": str(path), "removed": ring_file.keep_only(path, options.id)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adjutant auth rotate-master-key")
    parser.add_argument("--data-dir", type=pathlib.Path)
    operations = parser.add_subparsers(dest="operation", required=True)
    operations.add_parser("add")
    operations.add_parser("keep-only").add_argument("id")
    return parser


if __name__ == "__main__":
    sys.exit(main())
