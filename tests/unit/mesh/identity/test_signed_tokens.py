"""JWTs of people: what is accepted, and everything that is not."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from services.mesh.identity.principal import Kind
from tests.unit.mesh.identity.conftest import (
    ISSUER,
    Login,
    MakeMesh,
    Mesh,
    claims,
    ec_key,
    ed25519_key,
    encoded,
    refusal,
    rsa_key,
)

NOW = int(time.time())
"""When the tests were collected; the tests themselves may come minutes later."""


@pytest.fixture
def mesh(make_mesh: MakeMesh, login: Login) -> Mesh:
    return make_mesh(jwt_issuers=(login.issuer(),))


async def test_a_person_is_who_the_token_says(mesh: Mesh, login: Login) -> None:
    made = claims()
    principal = await mesh.principal(login.signing.sign(made))
    assert (principal.name, principal.kind) == ("users/ada", Kind.USER)
    assert not principal.administrator
    assert principal.expire_time
    assert principal.expire_time.timestamp() == made["exp"] + 30
    assert ISSUER in principal.credential


@pytest.mark.parametrize("make", [ed25519_key, rsa_key, ec_key], ids=lambda make: make.__name__)
async def test_each_algorithm_signs_where_the_issuer_may_use_it(
    make_mesh: MakeMesh, login: Login, make: Callable[[], Any]
) -> None:
    key = make()
    login.publish(key)
    token = key.sign(claims())
    for algorithm in ("EdDSA", "RS256", "ES256"):
        mesh = make_mesh(jwt_issuers=(login.issuer(algorithms=(algorithm,)),))
        if algorithm == key.algorithm:
            assert (await mesh.principal(token)).name == "users/ada"
        else:
            assert await mesh.reason(token) == "INVALID_CREDENTIAL"


REFUSED: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 31},
    "not yet": {"nbf": NOW + 3600},
    "made in the future": {"iat": NOW + 3600},
    "another issuer": {"iss": "https://evil.example"},
    "the mesh as issuer": {"iss": "adjutant"},
    "another audience": {"aud": "someone else"},
    "no end": {"exp": None},
    "no subject": {"sub": None},
    "no audience": {"aud": None},
    "no issuer": {"iss": None},
    "an end that is no number": {"exp": "soon"},
    "an end beyond all time": {"exp": 10**18},
    "an infinite end": {"exp": float("inf")},
    "an end that is nothing": {"exp": float("nan")},
    "an empty subject": {"sub": ""},
    "a subject with a slash": {"sub": "../services/orchestrator"},
    "a subject with a line's end": {"sub": "ada\n"},
    "a subject of other letters": {"sub": "\u0430da"},
    "a long subject": {"sub": "a" * 201},
    "the owner": {"sub": "owner"},
    "a number as subject": {"sub": 7},
    "a list as issuer": {"iss": [ISSUER]},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
async def test_a_token_with_these_claims_is_refused(
    mesh: Mesh, login: Login, changes: dict[str, Any]
) -> None:
    whole = claims(**changes)
    header = {"alg": "EdDSA", "kid": "ed", "typ": "JWT"}
    signed = f"{encoded(header)}.{encoded(whole)}"
    token = f"{signed}.{encoded(login.signing.key.sign(signed.encode()))}"
    error = await refusal(mesh.principal(token))
    assert error.reason == "INVALID_CREDENTIAL"
    assert token not in str(error)
    assert mesh.known(token) is None


@pytest.mark.parametrize("leeway", [0.0, 30.0])
async def test_clocks_may_differ_by_the_leeway(
    make_mesh: MakeMesh, login: Login, leeway: float
) -> None:
    mesh = make_mesh(jwt_issuers=(login.issuer(leeway_s=leeway),))
    token = login.signing.sign(claims(exp=int(time.time()) - 5))
    if leeway:
        assert (await mesh.principal(token)).name == "users/ada"
    else:
        assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_the_text_says_why_only_to_whoever_has_a_right_signature(
    mesh: Mesh, login: Login
) -> None:
    late = claims(exp=NOW - 100)
    known = await refusal(mesh.principal(login.signing.sign(late)))
    made_up = await refusal(mesh.principal(ed25519_key("ed").sign(late)))
    assert "has expired" in known.message
    assert "has expired" not in made_up.message


async def test_a_token_tampered_with_in_any_part_is_refused(mesh: Mesh, login: Login) -> None:
    header, payload, signature = login.signing.sign(claims()).split(".")
    for token in (
        f"{encoded({'alg': 'EdDSA', 'kid': 'ed', 'x': 1})}.{payload}.{signature}",
        f"{header}.{encoded(claims(sub='eve'))}.{signature}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        "..",
        f"{header}.{payload}.{signature}.",
        f"{header}.{payload}",
        f"{encoded(b'[' * 4000)}.{payload}.{signature}",
        f"{header}.{encoded(b'[' * 4000)}.{signature}",
        f"{header}.{encoded(['a', 'list'])}.{signature}",
        f"{encoded(['a', 'list'])}.{payload}.{signature}",
    ):
        assert await mesh.reason(token) == "INVALID_CREDENTIAL", token


async def test_an_algorithm_of_the_tokens_choice_is_not_used(mesh: Mesh, login: Login) -> None:
    public = login.signing.key.public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    hs256 = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for algorithm in ("none", "None", "HS256", "RS256", "ES256", "PS256", 7, None, ["EdDSA"]):
        head = encoded({"alg": algorithm, "kid": "ed", "typ": "JWT"})
        signed = f"{head}.{encoded(claims())}"
        for signature in (b"", hs256.sign(signed.encode(), pem), hs256.sign(signed.encode(), raw)):
            assert await mesh.reason(f"{signed}.{encoded(signature)}") == "INVALID_CREDENTIAL"


async def test_a_key_id_finds_keys_and_nothing_else(mesh: Mesh, login: Login) -> None:
    for kid in ("unknown", "", "../../etc/passwd", "ed\x00", "'; drop table keys"):
        token = login.signing.sign(claims(), kid=kid)
        assert await mesh.reason(token) == "INVALID_CREDENTIAL"
    for odd in (7, ["ed"], {"a": 1}):
        head = encoded({"alg": "EdDSA", "kid": odd})
        token = f"{head}.{encoded(claims())}.{encoded(b'0' * 64)}"
        assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_a_token_without_a_key_id_means_the_only_key(mesh: Mesh, login: Login) -> None:
    token = jwt.encode(claims(), login.signing.key, "EdDSA")
    assert (await mesh.principal(token)).name == "users/ada"
    login.publish(login.signing, ed25519_key("other"))
    token = jwt.encode(claims(sub="bob"), login.signing.key, "EdDSA")
    assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_headers_that_bring_their_own_key_are_not_looked_at(mesh: Mesh) -> None:
    own = ed25519_key("ed")
    for headers in (
        {"jwk": own.as_jwk()},
        {"jku": "http://127.0.0.1:1/jwks.json"},
        {"x5u": "http://127.0.0.1:1/x.pem"},
        {"x5c": ["AAAA"]},
    ):
        assert await mesh.reason(own.sign(claims(), **headers)) == "INVALID_CREDENTIAL"


async def test_an_extension_that_must_be_understood_is_refused(mesh: Mesh, login: Login) -> None:
    for headers in ({"crit": ["exp"]}, {"crit": ["b64"], "b64": True}):
        head = encoded({"alg": "EdDSA", "kid": "ed", **headers})
        signed = f"{head}.{encoded(claims())}"
        signature = login.signing.key.sign(signed.encode())
        reason = await mesh.reason(f"{signed}.{encoded(signature)}")
        assert reason == "INVALID_CREDENTIAL", headers


async def test_people_of_two_issuers_are_told_apart(make_mesh: MakeMesh, login: Login) -> None:
    other = login.issuer(issuer="https://other.example", alias="other")
    mesh = make_mesh(jwt_issuers=(login.issuer(), other), administrators=("users/other:ada",))
    here = await mesh.principal(login.signing.sign(claims()))
    there = await mesh.principal(login.signing.sign(claims(iss="https://other.example")))
    assert (here.name, here.administrator) == ("users/ada", False)
    assert (there.name, there.administrator) == ("users/other:ada", True)
    # Nobody of the first may be called as if they were of the second.
    assert await mesh.reason(login.signing.sign(claims(sub="other:ada"))) == "INVALID_CREDENTIAL"


async def test_a_good_token_is_known_at_once_and_not_after_its_end(
    make_mesh: MakeMesh, login: Login
) -> None:
    mesh = make_mesh(jwt_issuers=(login.issuer(leeway_s=0),))
    token = login.signing.sign(claims(exp=int(time.time()) + 2))
    assert mesh.known(token) is None
    first = await mesh.principal(token)
    assert mesh.known(token) is first
    while time.time() < (first.expire_time.timestamp() if first.expire_time else 0):
        await asyncio.sleep(0.05)
    assert mesh.known(token) is None
    assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_a_key_that_its_issuer_takes_back_ends_its_tokens(mesh: Mesh, login: Login) -> None:
    token = login.signing.sign(claims())
    await mesh.principal(token)
    successor = ed25519_key("next")
    login.publish(login.signing, successor)
    assert mesh.known(token)
    assert (await mesh.principal(successor.sign(claims(sub="bob")))).name == "users/bob"
    login.publish(successor)
    assert mesh.known(token) is None
    assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_keys_that_cannot_be_read_are_no_reason_to_refuse_for_good(
    mesh: Mesh, login: Login
) -> None:
    token = login.signing.sign(claims())
    login.path.write_text("{}")
    assert await mesh.reason(token) == "ACCESS_UNKNOWN"
    login.publish(login.signing)
    assert (await mesh.principal(token)).name == "users/ada"
