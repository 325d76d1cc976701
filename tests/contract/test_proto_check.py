"""`make proto-check` sees a stale gen/ and a broken contract, and leaves the tree alone.

That what is committed is what is generated, it says itself: `make ci` runs it.
"""

import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.contract.schema import ROOT

TASK = "proto/adjutant/orchestrator/v1/task.proto"
TITLE = "string title = 2;"
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


class Checkout:
    """A repository of its own that holds the contract."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")

    def add_contract(self) -> None:
        # pyproject.toml says how wide the lines of the generated dataclasses are.
        for name in ("buf.yaml", "buf.gen.yaml", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("proto", "third_party", "gen"):
            shutil.copytree(ROOT / name, self.root / name, ignore=ignored)

    def git(self, *arguments: str) -> str:
        command = ["git", *IDENTITY, *arguments]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def break_contract(self) -> None:
        path = self.root / TASK
        path.write_text(path.read_text().replace(TITLE, "string title = 99;", 1))

    def check(self, *command: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, *command]
        return subprocess.run(program, cwd=self.root, capture_output=True, text=True)

    def breaking(self) -> subprocess.CompletedProcess[str]:
        return self.check("proto/plugins/breaking.py")


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> Checkout:
    made = Checkout(tmp_path)
    made.add_contract()
    made.commit()
    return made


def test_a_stale_file_is_named_and_left_alone(checkout: Checkout) -> None:
    checkout.break_contract()
    extra = checkout.root / "gen" / "python" / "adjutant" / "left_behind_pb2.py"
    extra.touch()
    done = checkout.check("proto/plugins/generate.py", "--check")
    assert done.returncode == 1
    assert "gen/python/adjutant/orchestrator/v1/task_pb2.py" in done.stderr
    assert "gen/python/adjutant/left_behind_pb2.py" in done.stderr
    assert extra.exists()


def test_an_edit_on_main_must_not_break_the_last_commit(checkout: Checkout) -> None:
    assert checkout.breaking().returncode == 0
    checkout.break_contract()
    done = checkout.breaking()
    assert done.returncode == 1
    assert 'field "2" with name "title"' in done.stdout + done.stderr


def test_a_commit_on_main_must_not_break_the_one_before(checkout: Checkout) -> None:
    checkout.break_contract()
    checkout.commit()
    assert checkout.breaking().returncode == 1


def test_a_branch_must_not_break_what_it_left_main_with(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "--create", "branch")
    checkout.break_contract()
    checkout.commit()
    checkout.commit()
    assert checkout.breaking().returncode == 1


def test_a_branch_does_not_break_what_main_added_since(checkout: Checkout) -> None:
    checkout.git("branch", "branch")
    path = checkout.root / TASK
    path.write_text(path.read_text() + "\n// Later came later.\nmessage Later {}\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "branch")
    checkout.commit()
    done = checkout.breaking()
    assert done.returncode == 0, done.stdout


def test_the_first_contract_breaks_nothing(tmp_path: pathlib.Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.commit()
    checkout.add_contract()
    done = checkout.breaking()
    assert done.returncode == 0
    assert done.stdout == "no earlier contract to compare with: nothing can break\n"
