"""Everybody who must not get in, and what each of them shows."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adjutant.orchestrator.v1 import task_service_pb2
from services.mesh.access.contract import Method, Permission
from services.mesh.access.roles import ROLES, SERVICES
from tests.isolation.planted import Planted
from tests.isolation.wire import Mesh, Metadata
from tests.support.identities import LEFT_OUT, Issuer, bearer, service_token

KEY_LIFETIME_S: Final = 2.0


@dataclass(frozen=True)
class Who:
    """Somebody who calls."""

    name: str
    metadata: Metadata
    code: str
    """What they are told: UNAUTHENTICATED or PERMISSION_DENIED."""
    may: Callable[[Method], bool] = lambda _: False
    """Whether a method is theirs by right, on the victim's resources; it is left out then."""


def unknown(issuer: Issuer, folder: Path, victim: Planted) -> list[Who]:
    """Return those whose identity is missing, wrong, expired or tampered with."""
    subject = f"{victim.client.partition('/')[2]}-owner"
    good = issuer.token(subject)
    another = Issuer(folder / "another", issuer="https://others.example")
    tokens = {
        "a garbage token": "garbage",
        "an expired token": issuer.token(subject, exp=1_700_000_000),
        "a token that is not valid yet": issuer.token(subject, nbf=4_000_000_000),
        "a token without an end": issuer.token(subject, exp=LEFT_OUT),
        "a token of another issuer": another.token(subject),
        "another issuer's key": issuer.token(subject, key=another.key),
        "another issuer's name": issuer.token(subject, iss="adjutant"),
        "a token for another audience": issuer.token(subject, aud="elsewhere"),
        "a token without an audience": issuer.token(subject, aud=LEFT_OUT),
        "a token without a signature": _without_signature(good),
        "a token that says none": _forged(good, {"alg": "none", "typ": "JWT"}),
        "a token signed with the public key": issuer.token(
            subject, key=_public(issuer.key), algorithm="HS256"
        ),
        "a token that was tampered with": _tampered(good, "users-owner"),
        "a service's token with a key made up": issuer.token(
            "services/orchestrator", iss="adjutant", aud="adjutant"
        ),
        "a key with a character flipped": _flipped(victim.values["key_token"]),
        "a key of no secret": victim.values["key_token"].rpartition("_")[0] + "_" + "A" * 43,
        "the owner's prefix": "adjo_" + "A" * 43,
        "the report token of a run": victim.values["report_token"],
    }
    shown = {name: bearer(token) for name, token in tokens.items()}
    shown["nothing"] = ()
    shown["another scheme"] = (("authorization", f"Basic {good}"),)
    shown["a forged certificate header"] = (("x-forwarded-client-cert", "URI=users/owner"),)
    shown["on behalf of the owner, without a token"] = (("adjutant-on-behalf-of", "users/owner"),)
    return [Who(name, metadata, "UNAUTHENTICATED") for name, metadata in shown.items()]


async def ended(mesh: Mesh, victim: Planted) -> list[Who]:
    """Return those whose key was good for the victim's project, and used, and is not any more."""
    name, revoked = await mesh.hierarchy.key(victim.project, "OWNER")
    _, expiring = await mesh.hierarchy.key(victim.project, "OWNER", lifetime_s=KEY_LIFETIME_S)
    for token in (revoked, expiring):
        assert await _is_let_in(mesh, victim, token)
    await mesh.hierarchy.revoke(name)
    async with asyncio.timeout(KEY_LIFETIME_S + 5):
        for token in (revoked, expiring):
            while await _is_let_in(mesh, victim, token):
                await asyncio.sleep(0.05)
    return [
        Who("a revoked key", bearer(revoked), "UNAUTHENTICATED"),
        Who("an expired key", bearer(expiring), "UNAUTHENTICATED"),
    ]


async def _is_let_in(mesh: Mesh, victim: Planted, token: str) -> bool:
    request = task_service_pb2.ListTasksRequest(parent=victim.project)
    return (await mesh.call("TaskService/ListTasks", request, bearer(token))).code.name == "OK"


def strangers(
    issuer: Issuer, data_dir: Path, own: Planted, sibling: Planted, victim: Planted
) -> list[Who]:
    """Return those who are known, and have no business with the victim's project."""
    owner = f"{own.client.partition('/')[2]}-owner"
    tokens = {
        "a user whom nobody knows": issuer.token("nobody"),
        "the owner of another client": issuer.token(owner),
        "a user called like a service": issuer.token("services-orchestrator"),
        "a key of another client": own.values["key_token"],
        "a key of the sibling project": sibling.values["key_token"],
        "a member of the sibling project": issuer.token(sibling_subject(sibling)),
        "a service that may nothing": service_token(data_dir, "notification"),
    }
    shown: dict[str, Metadata] = {name: bearer(token) for name, token in tokens.items()}
    behalf = f"users/{victim.client.partition('/')[2]}-owner"
    shown["a user on behalf of the victim"] = (
        *bearer(issuer.token(owner)),
        ("adjutant-on-behalf-of", behalf),
    )
    return [Who(name, metadata, "PERMISSION_DENIED") for name, metadata in shown.items()]


def sibling_subject(sibling: Planted) -> str:
    """Return who owns the sibling project, and nothing else."""
    return f"{sibling.client.partition('/')[2]}-sibling"


def limited(issuer: Issuer, data_dir: Path, subjects: Mapping[str, str]) -> list[Who]:
    """Return those who may some of it: roles in the project by their people, and services."""
    found = [
        Who(f"a member as {role}", bearer(issuer.token(subject)), "PERMISSION_DENIED", _by(role))
        for role, subject in subjects.items()
    ]
    for service, permissions in SERVICES.items():
        token = bearer(service_token(data_dir, service))
        found.append(Who(f"the service {service}", token, "PERMISSION_DENIED", _in(permissions)))
    return found


def _by(role: str) -> Callable[[Method], bool]:
    return _in(ROLES[role])


def _in(permissions: frozenset[int]) -> Callable[[Method], bool]:
    return lambda method: method.permission in permissions or is_free(method)


def is_free(method: Method) -> bool:
    """Tell whether whoever is known may call a method: it tells them of themselves alone."""
    return method.permission == Permission.PERMISSION_SELF


def _without_signature(token: str) -> str:
    return token.rpartition(".")[0] + "."


def _forged(token: str, header: dict[str, Any]) -> str:
    return f"{_encoded(header)}.{token.split('.')[1]}."


def _tampered(token: str, subject: str) -> str:
    """Return a token with another subject and the signature that it had."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{header}.{_encoded({**claims, 'sub': subject})}.{signature}"


def _encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _flipped(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
