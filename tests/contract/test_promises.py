"""docs/promises.md names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

PAGE = Path("docs/promises.md").read_text()
NAMED = re.findall(r"^- `(tests/\S+)::(test_\w+)`$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(Path(file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, functions)}


def test_every_promise_has_a_test() -> None:
    sections = PAGE.split("\n## ")[1:]
    assert len(sections) == 11
    for section in sections:
        assert re.search(r"^- `tests/", section, re.MULTILINE), section.splitlines()[0]
