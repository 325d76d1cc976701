"""Which addresses a connection covers, and which only look as if."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.tenancy.address import parse_address

PREFIX = "https://git.example.com/team"


def covers(prefix: str, uri: str) -> bool:
    known, asked = parse_address(prefix), parse_address(uri)
    assert known is not None, prefix
    return asked is not None and known.covers(asked)


@pytest.mark.parametrize(
    ("prefix", "uri"),
    [
        (PREFIX, "https://git.example.com/team"),
        (PREFIX, "https://git.example.com/team/"),
        (PREFIX, "https://git.example.com/team/web.git"),
        (PREFIX + "/", "https://git.example.com/team/web.git"),
        (PREFIX, "HTTPS://GIT.example.COM:443/team/web.git"),
        ("https://git.example.com", "https://git.example.com/any/thing"),
        ("https://git.example.com:8443/a", "https://git.example.com:8443/a/b"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/a.git"),
        ("http://[::1]:3000", "http://[::1]:3000/a.git"),
        ("https://git.example.com/%c3%a4", "https://git.example.com/%C3%A4/x"),
        ("https://git.example.com/~ada", "https://git.example.com/~ada/@scope/x"),
    ],
)
def test_what_is_below_is_covered(prefix: str, uri: str) -> None:
    assert covers(prefix, uri)


@pytest.mark.parametrize(
    "uri",
    [
        # another server
        "https://git.example.com.evil.org/team/web.git",
        "https://evil.org/git.example.com/team",
        "https://git.example.com@evil.org/team/web.git",
        "https://git.example.com:443@evil.org/team/web.git",
        "https://git.example.com%40evil.org/team",
        "https://git.example.com\\@evil.org/team",
        "https://evil.org\\@git.example.com/team",
        "https://evil.org#@git.example.com/team",
        "https://evil.org?@git.example.com/team",
        "https://evil.org/https://git.example.com/team",
        "https://git.example.com:8443/team/web.git",
        "https://git.example.com:443443/team",
        "https://git.example.com:0/team",
        "https://git.example.com:/team:x@evil.org",
        "https://git.example.com\t.evil.org/team",
        "https://git.example.com\r\nHost: evil.org/team",
        "https://git.example.com /team",
        "https://gіt.example.com/team",  # noqa: RUF001  a Cyrillic letter
        "https://git.example.com。evil.org/team",
        "https://git。example。com/team",
        "https://[git.example.com]/team",
        # another scheme
        "http://git.example.com/team/web.git",
        "ssh://git.example.com/team/web.git",
        "git://git.example.com/team/web.git",
        "ftp://git.example.com/team",
        "file:///team",
        "git@git.example.com:team/web.git",
        "//git.example.com/team",
        "https:git.example.com/team",
        "https:/git.example.com/team",
        "https:///git.example.com/team",
        "https:\\\\git.example.com/team",
        " https://git.example.com/team",
        "https://git.example.com/team\n",
        # another path
        "https://git.example.com/teammates/web.git",
        "https://git.example.com/team.git",
        "https://git.example.com/Team/web.git",
        "https://git.example.com/",
        "https://git.example.com",
        "https://git.example.com/team/../other/web.git",
        "https://git.example.com/other/../team/web.git",
        "https://git.example.com/team/..",
        "https://git.example.com/team/./web.git",
        "https://git.example.com/team/%2e%2e/other",
        "https://git.example.com/team/%2E./other",
        "https://git.example.com/team%2Fweb.git",
        "https://git.example.com/team/%2f..%2fother",
        "https://git.example.com/team/%5c..%5cother",
        "https://git.example.com/team/%252e%252e/other",
        "https://git.example.com/team/%00",
        "https://git.example.com/team/%0d%0aX",
        "https://git.example.com/team/%zz",
        "https://git.example.com//team/web.git",
        "https://git.example.com/team//web.git",
        "https://git.example.com/team/\\..\\other",
        "https://git.example.com/team/web.git?x=1",
        "https://git.example.com/team/web.git#x",
        "https://git.example.com/team/;/../x",
        # user-info
        "https://ada@git.example.com/team",
        "https://ada:pw@git.example.com/team",
        "https://:pw@git.example.com/team",
        "https://@git.example.com/team",
        "",
    ],
)
def test_what_only_looks_like_it_is_not(uri: str) -> None:
    assert not covers(PREFIX, uri)


@pytest.mark.parametrize(
    "text", ["https://git..example.com", "https://-git.example.com", "https://", "https://a:99999"]
)
def test_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None


@given(st.text(alphabet="https:/.@%2eEfF\\?#[]-a", max_size=60))
def test_the_normal_form_is_stable(tail: str) -> None:
    found = parse_address("https://" + tail)
    if found is not None:
        assert parse_address(found.text) == found
        assert found.covers(found)
        assert "@" not in found.host
