"""Fails where the contract breaks for those who use the one before it.

Before it means: what the branch left main with. On main itself it means the
last commit and the one before that, so that neither an edit nor a commit gets
by. Where none of these holds a contract there is nothing to break.
"""

import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile

MAIN = ("origin/main", "main")
CONTRACT = ("buf.yaml", "proto", "third_party")


def git(*arguments: str) -> str | None:
    """Return what git prints, or None where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def commit(revision: str) -> str | None:
    """Return the id of the commit that `revision` names, or None where there is none."""
    return git("rev-parse", "--verify", "--quiet", revision + "^{commit}")


def bases() -> list[str]:
    """Return the commits whose contract must not be broken, as ids."""
    head = commit("HEAD")
    main = next((found for name in MAIN if (found := commit(name))), None)
    fork = git("merge-base", "HEAD", main) if head and main else None
    if fork and fork != head:
        return [fork]
    return [found for found in (head, commit("HEAD^1")) if found]


def has_contract(revision: str) -> bool:
    """Tell whether the commit holds our protos."""
    return bool(git("ls-tree", "--name-only", revision, "proto/adjutant/"))


def breaks(revision: str) -> bool:
    """Tell whether the working tree's contract breaks the commit's; buf prints how."""
    held = [path for path in CONTRACT if git("ls-tree", "--name-only", revision, path)]
    archive = subprocess.run(["git", "archive", revision, *held], check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        return subprocess.run(["buf", "breaking", "--against", folder]).returncode != 0


def main() -> None:
    """Compare with each base; exit 1 where one breaks."""
    if not pathlib.Path("buf.yaml").exists():
        sys.exit("run this in the project's folder")
    compared = [base for base in bases() if has_contract(base)]
    if not compared:
        print("no earlier contract to compare with: nothing can break")
        return
    broken = [base[:12] for base in compared if breaks(base)]
    if broken:
        sys.exit(f"the contract breaks what {', '.join(broken)} promised")
    print(f"the contract keeps what {', '.join(base[:12] for base in compared)} promised")


if __name__ == "__main__":
    main()
