"""Owners, services and certificates, and calls that show nothing or nonsense."""

import os
import stat
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity.files import replace_private
from services.mesh.identity.local import mesh_key_path, new_mesh_key, new_token, owner_token_path
from services.mesh.identity.platform import platform_of
from services.mesh.identity.principal import Kind
from services.mesh.identity.refusals import MAX_TOKEN_BYTES
from services.mesh.identity.service_token import bearer as service_bearer
from services.mesh.identity.service_token import make_service_token, read_private_key
from tests.unit.mesh.identity.conftest import MakeMesh, Mesh, bearer, refusal

ORCHESTRATOR = "spiffe://adjutant/services/orchestrator"


@pytest.fixture
def mesh(make_mesh: MakeMesh) -> Mesh:
    return make_mesh()


def _owner_token(mesh: Mesh) -> str:
    return owner_token_path(mesh.settings).read_text().strip()


async def test_the_owner_may_do_everything(mesh: Mesh) -> None:
    principal = await mesh.principal(_owner_token(mesh))
    assert (principal.name, principal.administrator) == ("users/owner", True)
    assert mesh.known(_owner_token(mesh)) == principal


async def test_a_new_owners_token_ends_the_old_one_at_once(mesh: Mesh) -> None:
    old = _owner_token(mesh)
    await mesh.principal(old)
    replace_private(owner_token_path(mesh.settings), new_token("adjo_"))
    assert mesh.known(old) is None
    assert await mesh.reason(old) == "INVALID_CREDENTIAL"
    assert (await mesh.principal(_owner_token(mesh))).administrator


async def test_an_emptied_or_opened_owners_file_lets_nobody_in(mesh: Mesh) -> None:
    path, token = owner_token_path(mesh.settings), _owner_token(mesh)
    path.chmod(0o640)
    assert await mesh.reason(token) == "ACCESS_UNKNOWN"
    path.chmod(0o600)
    assert (await mesh.principal(token)).administrator
    path.write_text("")
    for shown in ("", token, "x"):
        assert await mesh.reason(shown) == "ACCESS_UNKNOWN"
    path.unlink()
    assert await mesh.reason(token) == "INVALID_CREDENTIAL"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "UNAUTHENTICATED"),
        ({"authorization": ""}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer "}, "INVALID_CREDENTIAL"),
        ({"authorization": "Basic b3duZXI6eA=="}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer x"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer adj_"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer adj__"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer " + "x" * MAX_TOKEN_BYTES}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer " + "a.b.c" * 1000}, "INVALID_CREDENTIAL"),
        ({"authorization": b"Bearer x"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer \ud800"}, "INVALID_CREDENTIAL"),
        ({"authorization": "Bearer é"}, "INVALID_CREDENTIAL"),
    ],
)
async def test_nothing_and_nonsense_are_refused(
    mesh: Mesh, metadata: dict[str, str], reason: str
) -> None:
    error = await refusal(mesh.authenticator.authenticate(metadata, ()))
    assert error.reason == reason
    assert error.code.name == "UNAUTHENTICATED"


async def test_a_service_is_known_by_its_token(mesh: Mesh) -> None:
    token = service_bearer(mesh.settings.model_copy())()
    principal = await mesh.principal(token)
    assert (principal.name, principal.kind) == ("services/mesh", Kind.SERVICE)
    assert not principal.administrator
    assert mesh.known(token) is principal


async def test_a_services_token_is_renewed_before_it_ends(mesh: Mesh) -> None:
    now = time.time()
    current = service_bearer(mesh.settings, lambda: now)
    first = current()
    now += 100
    assert current() == first
    now += 100
    assert current() != first


async def test_a_services_token_of_another_key_or_time_is_refused(mesh: Mesh) -> None:
    key = read_private_key(mesh_key_path(mesh.settings))
    old = make_service_token("orchestrator", key, time.time() - 400)
    stranger = make_service_token("orchestrator", Ed25519PrivateKey.generate(), time.time())
    odd = make_service_token("../users/ada", key, time.time())
    for token in (old, stranger, odd):
        assert await mesh.reason(token) == "INVALID_CREDENTIAL"


async def test_the_mesh_key_changes_while_the_one_before_is_still_taken(
    make_mesh: MakeMesh,
) -> None:
    mesh = make_mesh()
    path = mesh_key_path(mesh.settings)
    before = service_bearer(mesh.settings)()
    await mesh.principal(before)
    public = path.with_name("before.pub")
    public.write_bytes(_public(read_private_key(path)))
    replace_private(path, new_mesh_key())
    assert await mesh.reason(before) == "INVALID_CREDENTIAL"
    rotating = make_mesh(mesh_public_key_files=(public,))
    assert (await rotating.principal(before)).name == "services/mesh"
    assert (await rotating.principal(service_bearer(mesh.settings)())).name == "services/mesh"


async def test_in_a_mesh_of_certificates_services_tokens_are_not_taken(
    make_mesh: MakeMesh,
) -> None:
    mesh = make_mesh(tls="mutual")
    assert await mesh.reason(service_bearer(mesh.settings)()) == "INVALID_CREDENTIAL"


def _public(key: Ed25519PrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    ("identities", "name"),
    [
        ([ORCHESTRATOR], "services/orchestrator"),
        ([b"spiffe://adjutant/users/ada"], "users/ada"),
        (["localhost", ORCHESTRATOR, "127.0.0.1"], "services/orchestrator"),
    ],
)
async def test_a_certificate_says_who_calls(
    mesh: Mesh, identities: list[str | bytes], name: str
) -> None:
    principal = await mesh.authenticator.authenticate({}, identities)
    assert (principal.name, principal.administrator) == (name, False)
    assert mesh.authenticator.known({}, identities) == principal


async def test_an_administrator_is_one_by_certificate_too(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(tls="mutual", administrators=("users/ada",))
    for identity, is_one in (("users/ada", True), ("users/eve", False)):
        principal = await mesh.authenticator.authenticate({}, [f"spiffe://adjutant/{identity}"])
        assert principal.administrator is is_one
    assert not (await mesh.authenticator.authenticate({}, [ORCHESTRATOR])).administrator


@pytest.mark.parametrize(
    "identities",
    [
        ["localhost"],
        ["spiffe://other/services/orchestrator"],
        ["spiffe://adjutant/services/"],
        ["spiffe://adjutant/clients/acme"],
        ["spiffe://adjutant/users/ada\n"],
        ["spiffe://adjutant.evil/services/orchestrator"],
        [ORCHESTRATOR, "spiffe://adjutant/users/ada"],
        [b"\xff\xfe"],
    ],
)
async def test_a_certificate_that_names_nobody_is_refused(
    mesh: Mesh, identities: list[str | bytes]
) -> None:
    error = await refusal(mesh.authenticator.authenticate({}, identities))
    assert error.reason == "INVALID_CREDENTIAL"


async def test_a_token_comes_before_a_certificate(mesh: Mesh) -> None:
    shown = bearer(_owner_token(mesh))
    principal = await mesh.authenticator.authenticate(shown, [ORCHESTRATOR])
    assert principal.name == "users/owner"
    wrong = await refusal(mesh.authenticator.authenticate(bearer("wrong"), [ORCHESTRATOR]))
    assert wrong.reason == "INVALID_CREDENTIAL"


async def test_a_service_may_say_whose_work_it_does(mesh: Mesh) -> None:
    token = service_bearer(mesh.settings)()
    principal = await mesh.principal(token, adjutant_on_behalf_of="users/ada")
    assert (principal.name, principal.actor) == ("services/mesh", "users/ada")
    assert (await mesh.principal(token)).actor == "services/mesh"
    key = await mesh.principal(token, adjutant_on_behalf_of="clients/acme/apiKeys/ci")
    assert key.actor == "clients/acme/apiKeys/ci"
    reason = await mesh.reason(token, adjutant_on_behalf_of="everybody")
    assert reason == "INVALID_CREDENTIAL"


async def test_nobody_else_may_speak_for_others(mesh: Mesh) -> None:
    reason = await mesh.reason(_owner_token(mesh), adjutant_on_behalf_of="users/ada")
    assert reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("value", "required", "accepted"),
    [("cli", False, True), (None, False, True), (None, True, False), ("toaster", False, False)],
)
def test_the_platform_is_one_of_the_settings(
    value: str | None, required: bool, accepted: bool
) -> None:
    settings = MeshSettings(platform_required=required)
    metadata = {"adjutant-platform": value} if value else {}
    if accepted:
        assert platform_of(metadata, settings) == (value or "")
        return
    with pytest.raises(AdjutantError, match="INVALID_PLATFORM"):
        platform_of(metadata, settings)


def test_every_file_is_for_its_owner_alone(mesh: Mesh) -> None:
    for path in (owner_token_path(mesh.settings), mesh_key_path(mesh.settings)):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
