"""What a broken rule is told in."""

import re
from pathlib import Path

import pytest

from services.mesh.interceptors.patterns import plainly

_PATTERN = re.compile(r'pattern:\s*"((?:[^"\\]|\\.)*)"')


def _patterns() -> list[str]:
    found = set[str]()
    for path in Path("proto/adjutant").rglob("*.proto"):
        found |= {text.replace("\\\\", "\\") for text in _PATTERN.findall(path.read_text())}
    return sorted(found)


@pytest.mark.parametrize("pattern", _patterns())
def test_every_pattern_of_the_contract_has_words(pattern: str) -> None:
    said = plainly(f"does not match regex pattern `{pattern}`")
    assert said.startswith("must ")
    assert "regex" not in said


def test_a_name_is_shown_as_it_must_be_written() -> None:
    one = "[a-z0-9-]{1,63}"
    pattern = f"^clients/{one}(/(groups|projects)/{one})?/apiKeys/{one}$"
    said = plainly(f"does not match regex pattern `{pattern}`")
    assert "clients/ID/groups/ID/apiKeys/ID" in said
    assert "1 to 63 of a-z, 0-9 and -" in said


def test_other_messages_stay_as_they_are() -> None:
    assert plainly("must be at least 3") == "must be at least 3"
    assert "`^x+$`" in plainly("does not match regex pattern `^x+$`")
