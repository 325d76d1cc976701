"""`adjutant auth`, command by command."""

import json
import pathlib
import stat

import jwt
import pytest
from cryptography import x509

from services.mesh.identity.jwks import parse_jwks
from services.up import auth

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJUTANT_DATA_DIR", str(tmp_path))


def test_init_says_what_it_made(tmp_path: pathlib.Path, capsys: Said) -> None:
    assert auth.main(["init"]) == 0
    assert str(tmp_path / "owner.token") in capsys.readouterr().out
    assert auth.main(["init"]) == 0
    assert capsys.readouterr().out == "nothing was missing\n"


def test_the_token_is_shown_to_whoever_asks_for_it(tmp_path: pathlib.Path, capsys: Said) -> None:
    assert auth.main(["token"]) == 2
    assert "adjutant auth init" in capsys.readouterr().err
    auth.main(["init"])
    capsys.readouterr()
    token = (tmp_path / "owner.token").read_text().strip()
    assert auth.main(["token"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'owner.token'}\n"
    assert auth.main(["token", "--show"]) == 0
    assert capsys.readouterr().out == f"{token}\n"
    assert auth.main(["rotate-owner-token"]) == 0
    assert (tmp_path / "owner.token").read_text().strip() not in (token, capsys.readouterr().out)


def test_a_data_directory_that_it_makes_is_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    assert auth.main(["certificates", "--data-dir", str(tmp_path / "a" / "mesh")]) == 0
    assert auth.main(["jwt", "ada", "--data-dir", str(tmp_path / "b")]) == 0
    for made in ("a", "a/mesh", "a/mesh/secrets", "a/mesh/secrets/tls", "b", "b/secrets"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o700, made


def test_each_service_has_a_certificate_of_its_own(tmp_path: pathlib.Path) -> None:
    assert auth.main(["certificates", "--host", "mesh.example", "--host", "192.0.2.7"]) == 0
    folder = tmp_path / "secrets" / "tls"
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    for service in ("orchestrator", "agent_runner", "notification"):
        found = x509.load_pem_x509_certificate((folder / f"{service}.pem").read_bytes())
        found.verify_directly_issued_by(authority)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == [f"spiffe://adjutant/services/{service}"]
        assert names.get_values_for_type(x509.DNSName) == ["localhost", "mesh.example"]
        addresses = map(str, names.get_values_for_type(x509.IPAddress))
        assert set(addresses) == {"127.0.0.1", "::1", "192.0.2.7"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = (folder / "ca.pem").read_bytes()
    assert auth.main(["certificates"]) == 0
    assert (folder / "ca.pem").read_bytes() == before


def test_a_persons_certificate_can_only_call(tmp_path: pathlib.Path, capsys: Said) -> None:
    assert auth.main(["certificate", "users/ada"]) == 0
    path = tmp_path / "secrets" / "tls" / "users-ada.pem"
    found = x509.load_pem_x509_certificate(path.read_bytes())
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use.dotted_string for use in usage] == ["1.3.6.1.5.5.7.3.2"]
    for wrong in (["users/ada", "--host", "x"], ["ada"], ["users/../x"], ["services/Orch"]):
        assert auth.main(["certificate", *wrong]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_lost_authority_is_said(tmp_path: pathlib.Path, capsys: Said) -> None:
    auth.main(["certificates"])
    (tmp_path / "secrets" / "tls" / "ca.key").unlink()
    assert auth.main(["certificates"]) == 2
    assert "ca.key is not there" in capsys.readouterr().err


def test_a_local_issuer_signs_what_its_keys_confirm(tmp_path: pathlib.Path, capsys: Said) -> None:
    assert auth.main(["jwt", "ada"]) == 0
    out, err = capsys.readouterr()
    trusted = json.loads(err.partition("='")[2].strip().removesuffix("'"))[0]
    keys = parse_jwks(pathlib.Path(trusted["jwks_file"]).read_bytes())
    claims = jwt.decode(
        out.strip(), keys.keys[0].key, ["EdDSA"], audience="adjutant", issuer="adjutant-local"
    )
    assert claims["sub"] == "ada"
    for wrong in ("owner", "a b", "../x", ""):
        assert auth.main(["jwt", wrong]) == 2


def test_a_wrong_command_is_one_line(capsys: Said) -> None:
    assert auth.main(["bogus"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_bad_use_names_the_command_whose_help_says_more(capsys: Said) -> None:
    assert auth.main(["jwt"]) == 2
    assert capsys.readouterr().err.endswith("'subject'; see `adjutant auth jwt --help`\n")
    assert auth.main(["jwt", "users/ada"]) == 2
    assert "without users/ before it" in capsys.readouterr().err
