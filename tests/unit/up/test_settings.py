"""What is said of settings: what is wrong with one, and what all of them are."""

import io

import pytest
from rich.console import Console

from services.up.composition import settings_from
from services.up.errors import UpError
from services.up.main import main
from services.up.settings_table import print_settings

ISSUER = '[{"issuer": "i", "audience": "a", "jwks_file": "' + "/long" * 60 + '"}]'


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT_BASE", "abc", "First of the mesh's ports"),
        ("ADMINISTRATORS", "users/ada", "is no JSON, which it must be; it means: People"),
        ("JWT_ISSUERS", "nonsense", "docs/identities.md"),
        ("JWT_ISSUERS", '[{"issuer": "i"}]', "0.audience: Field required"),
    ],
)
def test_a_wrong_setting_is_told_with_what_it_means(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"ADJUTANT_{variable}", value)
    with pytest.raises(UpError) as caught:
        settings_from()
    assert f"ADJUTANT_{variable} is " in str(caught.value)
    assert said in str(caught.value)


def test_the_command_that_shows_settings_says_so_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADJUTANT_ADMINISTRATORS", "users/ada")
    assert main(["--print-config"], {}) == 2
    assert capsys.readouterr().err.startswith("adjutant config: ADJUTANT_ADMINISTRATORS is no JSON")


@pytest.mark.parametrize("width", [80, 120])
def test_settings_are_read_on_a_narrow_terminal_too(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("ADJUTANT_JWT_ISSUERS", ISSUER)
    out = io.StringIO()
    print_settings(Console(file=out, width=width), ["orchestrator"])
    lines = out.getvalue().splitlines()
    where = lines.index("ADJUTANT_HOST=127.0.0.1")
    assert lines[where + 1].startswith("    Address that servers bind;")
    assert all(len(line.rstrip()) <= width for line in lines if line.startswith(" "))


def test_in_a_pipe_each_setting_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_JWT_ISSUERS", ISSUER)
    out = io.StringIO()
    print_settings(Console(file=out, width=1000), ())
    host = next(line for line in out.getvalue().splitlines() if line.startswith("ADJUTANT_HOST "))
    assert host.rstrip().endswith("127.0.0.1")
    assert len(host.rstrip()) < 180


def test_the_address_of_the_store_is_shown_to_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADJUTANT_MONGO_URL", "mongodb://ada:se-cret-1@db/?authSource=se-cret-2")
    out = io.StringIO()
    print_settings(Console(file=out, width=1000), ["orchestrator"])
    assert "ADJUTANT_MONGO_URL" in out.getvalue()
    assert "se-cret" not in out.getvalue()
    monkeypatch.setenv("ADJUTANT_MONGO_URL", "")
    monkeypatch.setenv("ADJUTANT_STORE", "mongo")
    assert main(["--print-config"], {}) == 2
    assert "ADJUTANT_MONGO_URL is" in capsys.readouterr().err
