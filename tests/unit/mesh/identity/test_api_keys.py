"""API keys: accepted, refused, revoked, narrowed, guessed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.mesh.access.policy import Key
from services.mesh.errors import AdjutantError
from services.mesh.identity import api_keys
from services.mesh.identity.api_keys import SecretChecker, make_token, matches, split
from services.mesh.identity.attempts import BURST, PERIOD_S, Attempts
from services.mesh.identity.principal import Kind
from tests.unit.mesh.identity.conftest import MakeMesh, Mesh, refusal


@pytest.fixture
def mesh(make_mesh: MakeMesh) -> Mesh:
    return make_mesh()


def test_a_token_is_found_by_its_id_and_proved_by_its_secret() -> None:
    made, other = make_token(), make_token()
    key_id, secret = split(made.token)
    assert key_id == made.key_id
    assert secret not in made.salt + made.digest
    record = Key(
        name="clients/a/apiKeys/k",
        revision=1,
        key_id=key_id,
        scope="clients/a",
        permissions=[],
        salt=made.salt,
        digest=made.digest,
    )
    assert matches(secret, record)
    assert not matches(split(other.token)[1], record)
    assert len({made.token, other.token, made.salt, other.salt}) == 4


async def test_a_program_is_its_key(mesh: Mesh) -> None:
    made = mesh.add_key()
    principal = await mesh.principal(made.token)
    assert (principal.name, principal.kind) == ("clients/acme/apiKeys/ci", Kind.API_KEY)
    assert principal.api_key
    assert principal.api_key.scope == "clients/acme"
    assert principal.api_key.permissions == {1, 2}
    assert mesh.known(made.token) is principal


async def test_all_that_is_wrong_is_refused_with_one_text(mesh: Mesh) -> None:
    good, revoked, expired = mesh.add_key(), mesh.add_key(), mesh.add_key()
    mesh.change_key(revoked, revoked=True)
    mesh.change_key(expired, expire_time=datetime.now(UTC) - timedelta(seconds=1))
    broken = mesh.add_key(salt="no hex")
    tokens = [
        revoked.token,
        expired.token,
        broken.token,
        make_token().token,
        good.token[:-1] + ("a" if good.token[-1] != "a" else "b"),
        good.token[:-1],
        good.token + "a",
        good.token.replace("adj_", "adj_x", 1),
        f"adj_{good.key_id}_",
        f"adj_{good.key_id}_{'é' * 43}",
    ]
    errors = [await refusal(mesh.principal(token)) for token in tokens]
    assert {(error.reason, error.message) for error in errors} == {
        (errors[0].reason, errors[0].message)
    }
    assert errors[0].reason == "INVALID_CREDENTIAL"
    assert (await mesh.principal(good.token)).api_key


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": True},
        {"expire_time": datetime.now(UTC) - timedelta(seconds=1)},
        {"digest": "00" * 32},
        {"salt": "00" * 16},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_change_of_the_key_counts_at_the_next_call(
    mesh: Mesh, change: dict[str, object]
) -> None:
    made = mesh.add_key()
    await mesh.principal(made.token)
    mesh.change_key(made, **change)
    assert mesh.known(made.token) is None
    assert await mesh.reason(made.token) == "INVALID_CREDENTIAL"


async def test_a_key_that_is_gone_is_refused(mesh: Mesh) -> None:
    made = mesh.add_key()
    await mesh.principal(made.token)
    del mesh.keys[made.key_id]
    assert mesh.known(made.token) is None
    assert await mesh.reason(made.token) == "INVALID_CREDENTIAL"


async def test_what_a_key_may_do_is_what_its_record_says_now(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mesh.add_key()
    await mesh.principal(made.token)
    mesh.change_key(made, permissions=[1])

    def no_digest(*_: object) -> bytes:
        raise AssertionError("the secret was right before; it need not be checked again")

    monkeypatch.setattr(api_keys, "digest_of", no_digest)
    principal = mesh.known(made.token)
    assert principal
    assert principal.api_key
    assert principal.api_key.permissions == {1}


async def test_wrong_secrets_of_a_key_are_counted_and_right_ones_are_not(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = 0
    digest_of = api_keys.digest_of

    def counted(secret: str, salt: bytes) -> bytes:
        nonlocal digests
        digests += 1
        return digest_of(secret, salt)

    monkeypatch.setattr(api_keys, "digest_of", counted)
    made, other = mesh.add_key(), mesh.add_key()
    digests = 0
    guesses = [f"adj_{made.key_id}_{n:043d}" for n in range(BURST + 5)]
    reasons = [await mesh.reason(guess) for guess in guesses]
    assert reasons == ["INVALID_CREDENTIAL"] * BURST + ["RATE_LIMITED"] * 5
    assert digests == BURST
    limited = await refusal(mesh.principal(guesses[-1]))
    assert limited.retry_after_s
    assert 0 < limited.retry_after_s <= PERIOD_S
    assert (await mesh.principal(other.token)).api_key


async def test_one_secret_shown_by_many_at_once_is_checked_once(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mesh.add_key()
    checked = []
    original = SecretChecker.matches

    async def counted(self: SecretChecker, secret: str, key: Key) -> bool:
        checked.append(secret)
        return await original(self, secret, key)

    monkeypatch.setattr(SecretChecker, "matches", counted)
    principals = await asyncio.gather(*(mesh.principal(made.token) for _ in range(50)))
    assert len(checked) == 1
    assert {principal.name for principal in principals} == {"clients/acme/apiKeys/ci"}


async def test_the_queue_of_secrets_is_bounded(mesh: Mesh) -> None:
    checker = SecretChecker(queue_size=3)
    made = mesh.add_key()
    key, secret = mesh.keys[made.key_id], split(made.token)[1]
    calls = [asyncio.ensure_future(checker.matches(secret, key)) for _ in range(5)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [error for error in results if isinstance(error, AdjutantError)]
    assert [error.reason for error in refused] == ["RATE_LIMITED"] * 2
    assert all(error.retry_after_s for error in refused)
    assert results.count(True) == 3
    assert await checker.matches(secret, key)
    checker.close()


def test_attempts_come_back_with_time() -> None:
    now = 1000.0
    attempts = Attempts(lambda: now)
    for _ in range(BURST):
        attempts.take("k")
    with pytest.raises(AdjutantError):
        attempts.take("k")
    attempts.take("other")
    now += PERIOD_S
    attempts.take("k")
    with pytest.raises(AdjutantError):
        attempts.take("k")
    attempts.give_back("k")
    attempts.take("k")


async def test_a_key_that_cannot_be_looked_up_is_not_refused_for_good(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mesh.add_key()

    async def away(_: str) -> None:
        raise AdjutantError("ACCESS_UNKNOWN", "Try again.")

    monkeypatch.setattr(mesh.authenticator._keys, "_find_key", away)
    assert await mesh.reason(made.token) == "ACCESS_UNKNOWN"
