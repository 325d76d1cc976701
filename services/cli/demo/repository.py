"""The small git repository of the demo, and the plan that makes its test pass."""

import os
import pathlib
import subprocess
import sys
from typing import Final

BRANCH: Final = "welcome"
"""Where the demo's commit goes."""
TEST_COMMAND: Final = ("python3", "-m", "unittest")

PLAN: Final = """\
# Welcome people by name

## The greetings

- [ ] Write the English greeting
  run: sh steps/english.sh
- [ ] Write the French greeting
  run: sh steps/french.sh

## Together

- [ ] Welcome in both languages
  after: Write the English greeting, Write the French greeting
  run: sh steps/together.sh
  verify: python3 -m unittest
"""

_GREETING: Final = """\
echo "writing {module}.py"
sleep 0.7
adjutant report --percent 50 "half of {module}.py"
sleep 0.7
printf 'def text(name):\\n    return f"{word}, {{name}}!"\\n' > {module}.py
cat {module}.py
"""

_FILES: Final = {
    "welcome.py": 'def text(name):\n    return "Hello!"\n',
    "test_welcome.py": """\
import unittest

import welcome


class WelcomeTest(unittest.TestCase):
    def test_it_welcomes_by_name_in_two_languages(self):
        self.assertEqual(welcome.text("Ada"), "Hello, Ada! Bonjour, Ada!")
""",
    "plan.md": PLAN,
    "steps/english.sh": _GREETING.format(module="english", word="Hello"),
    "steps/french.sh": _GREETING.format(module="french", word="Bonjour"),
    "steps/together.sh": """\
cat > welcome.py <<'END'
import english
import french


def text(name):
    return f"{english.text(name)} {french.text(name)}"
END
cat welcome.py
""",
    ".gitignore": "__pycache__/\n",
}


def make_repository(folder: pathlib.Path) -> None:
    """Make a git repository whose one test fails."""
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "Welcome nobody in particular")


def git(folder: pathlib.Path, *arguments: str) -> str:
    """Run git in a folder, as nobody in particular, and return what it prints."""
    identity = ["-c", "user.name=Demo", "-c", "user.email=demo@localhost"]
    command = ["git", "-C", str(folder), *identity, "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run_test(folder: pathlib.Path) -> tuple[bool, str]:
    """Run the repository's test and return whether it passes, and its last line."""
    done = subprocess.run(
        TEST_COMMAND, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return done.returncode == 0, lines[-1] if lines else ""


def environment() -> dict[str, str]:
    """Return an environment in which `adjutant` and `python3` are ours, and no mesh is named."""
    ours = pathlib.Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ADJUTANT_")}
    return {**kept, "PATH": f"{ours}{os.pathsep}{kept.get('PATH', os.defpath)}"}
