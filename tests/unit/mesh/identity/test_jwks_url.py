"""Keys behind a URL: fetched, kept, changed, gone, and served by somebody hostile."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity import key_sources
from services.mesh.identity.issuer import Issuer
from services.mesh.identity.jwks import MAX_JWKS_BYTES, public_key
from services.mesh.identity.key_sources import UrlKeys
from tests.unit.mesh.identity.conftest import (
    AUDIENCE,
    ISSUER,
    MakeMesh,
    SigningKey,
    claims,
    ed25519_key,
    jwks,
    rsa_key,
)


class Server:
    """A real HTTP server with the keys of an issuer."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.gate.wait(30)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the client has seen enough
                    self.wfile.write(outer.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def publish(self, *keys: SigningKey) -> None:
        self.body = jwks(*keys)

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def issuer(server: Server, **fields: Any) -> Issuer:
    given = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": server.url, "cooldown_s": 0}
    return Issuer(**{**given, **fields})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def eventually(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_new_key_is_fetched_and_a_removed_one_ends(
    make_mesh: MakeMesh, server: Server
) -> None:
    first, second = ed25519_key("one"), rsa_key("two")
    server.publish(first)
    mesh = make_mesh(jwt_issuers=(issuer(server, refresh_s=0.2),))
    token = first.sign(claims())
    assert (await mesh.principal(token)).name == "users/ada"
    assert mesh.known(token)
    server.publish(second)
    assert (await mesh.principal(second.sign(claims(sub="bob")))).name == "users/bob"
    # The set was fetched again for the new key, and the old one is not in it.
    assert mesh.known(token) is None
    assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_many_callers_cause_one_fetch(make_mesh: MakeMesh, server: Server) -> None:
    key = ed25519_key()
    server.publish(key)
    server.gate.clear()
    mesh = make_mesh(jwt_issuers=(issuer(server),))
    calls = [asyncio.create_task(mesh.principal(key.sign(claims(sub=f"u{n}")))) for n in range(20)]
    await eventually(lambda: server.asked)
    server.gate.set()
    assert {(await call).name for call in calls} == {f"users/u{n}" for n in range(20)}
    assert server.asked == 1


async def test_made_up_key_ids_cause_no_more_fetches_than_the_cooldown_allows(
    make_mesh: MakeMesh, server: Server
) -> None:
    key = ed25519_key()
    server.publish(key)
    mesh = make_mesh(jwt_issuers=(issuer(server, cooldown_s=3600),))
    await mesh.principal(key.sign(claims()))
    for n in range(20):
        assert await mesh.reason(key.sign(claims(), kid=f"made-up-{n}")) == "INVALID_CREDENTIAL"
    assert server.asked == 1


async def test_the_last_keys_are_used_while_the_url_is_away_and_not_for_ever(
    server: Server,
) -> None:
    server.publish(ed25519_key())
    clock = Clock()
    keys = UrlKeys(issuer(server, refresh_s=10, stale_limit_s=100, cooldown_s=5), clock)
    first = await keys.current()
    server.status = 500
    clock.now += 50
    assert keys.present() is first
    await eventually(lambda: server.asked == 2)
    clock.now += 51
    with pytest.raises(AdjutantError, match="ACCESS_UNKNOWN"):
        await keys.current()
    server.status = 200
    clock.now += 10
    assert (await keys.current()).keys == first.keys
    await keys.close()


async def test_keys_are_fetched_again_in_the_background(server: Server) -> None:
    old, new = ed25519_key("old"), ed25519_key("new")
    server.publish(old)
    clock = Clock()
    keys = UrlKeys(issuer(server, refresh_s=10), clock)
    first = await keys.current()
    server.publish(new)
    clock.now += 11
    assert keys.present() is first  # nobody waits for it
    await eventually(lambda: keys.present() is not first)
    found = keys.present()
    assert found
    assert [key.key_id for key in found.keys] == ["new"]
    await keys.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"keys": 7}',
        b'{"keys": [7, null, {}, {"kty": "RSA"}, {"kty": "oct", "k": "AAAA"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ed"}]}',
        b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}',
        b'{"keys": ' + b"[" * 50_000,
        b"\xff\xfe",
        b" " * (MAX_JWKS_BYTES + 1),
        b'{"keys": [' + b"1," * MAX_JWKS_BYTES,
    ],
    ids=range(12),
)
async def test_what_is_no_set_of_keys_lets_nobody_in(
    make_mesh: MakeMesh, server: Server, body: bytes
) -> None:
    server.body = body
    mesh = make_mesh(jwt_issuers=(issuer(server),))
    assert await mesh.reason(ed25519_key().sign(claims())) == "ACCESS_UNKNOWN"


async def test_private_shared_and_short_keys_are_passed_over(
    make_mesh: MakeMesh, server: Server
) -> None:
    import json

    import jwt

    private, short, good = ed25519_key("private"), rsa_key("short", 1024), ed25519_key("good")
    exposed = jwt.algorithms.OKPAlgorithm.to_jwk(private.key, as_dict=True)
    encrypting = good.as_jwk(use="enc", kid="enc")
    odd = good.as_jwk(alg="RS256", kid="odd")
    entries = [{**exposed, "kid": "private"}, short.as_jwk(), encrypting, odd, good.as_jwk()]
    server.body = json.dumps({"keys": entries}).encode()
    mesh = make_mesh(jwt_issuers=(issuer(server),))
    assert public_key(short.key.public_key()) is None
    assert await mesh.reason(private.sign(claims())) == "INVALID_CREDENTIAL"
    for kid in ("enc", "odd"):
        assert await mesh.reason(good.sign(claims(), kid=kid)) == "INVALID_CREDENTIAL"
    assert (await mesh.principal(good.sign(claims()))).name == "users/ada"


async def test_nobody_is_followed_to_another_place(make_mesh: MakeMesh, server: Server) -> None:
    key, other = ed25519_key(), Server()
    other.publish(key)
    server.status, server.headers = 302, {"Location": other.url}
    mesh = make_mesh(jwt_issuers=(issuer(server),))
    assert await mesh.reason(key.sign(claims())) == "ACCESS_UNKNOWN"
    assert (server.asked, other.asked) == (1, 0)
    other.close()


async def test_a_url_that_does_not_answer_is_given_up(
    make_mesh: MakeMesh, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sources, "FETCH_TIMEOUT_S", 0.2)
    key = ed25519_key()
    server.publish(key)
    server.gate.clear()
    mesh = make_mesh(jwt_issuers=(issuer(server),))
    assert await mesh.reason(key.sign(claims())) == "ACCESS_UNKNOWN"
    server.gate.set()
    assert (await mesh.principal(key.sign(claims()))).name == "users/ada"


FILE = pathlib.Path("/keys.json")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"jwks_file": FILE, "jwks_url": "https://a/b"},
        {"jwks_url": "http://login.example/jwks.json"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": "ftp://127.0.0.1/x"},
        {"jwks_url": "https:///x"},
        {"jwks_file": FILE, "issuer": "adjutant"},
        {"jwks_file": FILE, "issuer": ""},
        {"jwks_file": FILE, "audience": ""},
        {"jwks_file": FILE, "algorithms": ["HS256"]},
        {"jwks_file": FILE, "algorithms": ["none"]},
        {"jwks_file": FILE, "algorithms": []},
        {"jwks_file": FILE, "leeway_s": -1},
        {"jwks_file": FILE, "alias": "A:b"},
        {"jwks_file": FILE, "typo": 1},
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_no_setting(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Issuer(**{"issuer": ISSUER, "audience": AUDIENCE, **fields})


@pytest.mark.parametrize("same", ["issuer", "alias"])
def test_issuers_are_distinct(same: str) -> None:
    first = Issuer(issuer="a", audience="m", jwks_file=FILE, alias="one")
    second = Issuer(issuer="b", audience="m", jwks_file=FILE, alias="two")
    MeshSettings(jwt_issuers=(first, second))
    clash = second.model_copy(update={same: getattr(first, same)})
    with pytest.raises(ValidationError, match=f"same {same}"):
        MeshSettings(jwt_issuers=(first, clash))
