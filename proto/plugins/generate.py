"""Generates `gen/` from the contract, or checks that it is what would be generated.

python proto/plugins/generate.py           write gen/
python proto/plugins/generate.py --check   leave gen/ alone; exit 1 where it is stale
"""

import pathlib
import subprocess
import sys
import tempfile

PACKAGE_MARKER = "__init__.py"


def generate(root: pathlib.Path) -> None:
    """Write `gen/` below `root`; the same contract always gives the same files."""
    done = subprocess.run(["buf", "generate", "-o", root], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr or "buf generate failed")
    python = root / "gen" / "python"
    for stub in python.rglob("*_pb2_grpc.pyi"):
        if not stub.with_suffix(".py").exists():  # a file without a service gets an empty stub
            stub.unlink()
    for folder in sorted(path for path in python.rglob("*") if path.is_dir()):
        (folder / PACKAGE_MARKER).touch()
    (python / "adjutant" / "py.typed").touch()


def contents(root: pathlib.Path) -> dict[str, bytes]:
    """Return every file of `gen/` below `root` by its path; what Python cached is none of it."""
    files = (path for path in (root / "gen").rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in files
        if "__pycache__" not in path.parts
    }


def stale_files(root: pathlib.Path) -> list[str]:
    """Return the paths below `root` that are missing, too many, or not what the contract gives."""
    with tempfile.TemporaryDirectory() as folder:
        fresh_root = pathlib.Path(folder)
        generate(fresh_root)
        fresh, committed = contents(fresh_root), contents(root)
    paths = fresh.keys() | committed.keys()
    return sorted(path for path in paths if fresh.get(path) != committed.get(path))


def main() -> None:
    """Generate, or check with `--check`."""
    root = pathlib.Path.cwd()
    if sys.argv[1:] != ["--check"]:
        generate(root)
        return
    stale = stale_files(root)
    if stale:
        sys.exit("gen/ is stale; run `make proto` and commit:\n  " + "\n  ".join(stale))
    print("gen/ is what the contract generates")


if __name__ == "__main__":
    main()
