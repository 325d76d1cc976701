"""The program behind `adjutant auth`: keys, tokens and certificates of a mesh on this machine."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import jwt as tokens
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.mesh.config import MeshSettings
from services.mesh.identity.certificates import LOCAL_HOSTS, Certified, issue, make_authority
from services.mesh.identity.files import make_private, replace_private, require_private
from services.mesh.identity.local import (
    OWNER_PREFIX,
    SECRETS_DIR,
    ensure_secrets,
    new_mesh_key,
    new_token,
    owner_token_path,
)
from services.mesh.identity.refusals import is_person, is_service
from services.mesh.identity.service_token import known_key, read_private_key
from services.mesh.identity.tls import tls_dir
from services.up.composition import SERVICES, settings_from
from services.up.errors import UpError

EXIT_BAD_USE: Final = 2
AUTHORITY_LIFETIME: Final = timedelta(days=3650)
OTHERS: Final = {"owner": "users/owner", "job": "users/job"}
"""Certificates that only call, by file: of the owner's commands, and of jobs that report."""
LOCAL_ISSUER: Final = "adjutant-local"
LOCAL_AUDIENCE: Final = "adjutant"

app = typer.Typer(
    help="Keys, tokens and certificates of a mesh on this machine.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="The mesh's data directory.  [env: ADJUTANT_DATA_DIR; ~/.adjutant]"
    ),
]
Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="A name or address where it answers; repeatable.")
]
Days = Annotated[int, typer.Option(min=1, max=3650, help="Days until it ends.")]


@app.command()
def init(data_dir: DataDir = None) -> None:
    """Make what is missing: the owner's token, the mesh's key, the event log's token."""
    made = ensure_secrets(_settings(data_dir))
    for what, path in made.items():
        typer.echo(f"made the {what} in {path}")
    if not made:
        typer.echo("nothing was missing")


@app.command()
def token(
    data_dir: DataDir = None,
    show: Annotated[bool, typer.Option("--show", help="Print the token itself.")] = False,
) -> None:
    """Say where the owner's token is."""
    path = owner_token_path(_settings(data_dir))
    try:
        require_private(path)
    except FileNotFoundError:
        raise UpError(f"there is no {path} yet; run `adjutant auth init`") from None
    typer.echo(path.read_text().strip() if show else str(path))


@app.command()
def rotate_owner_token(data_dir: DataDir = None) -> None:
    """Make a new owner's token; the one before ends at once, also in services that run."""
    path = owner_token_path(_settings(data_dir))
    replace_private(path, new_token(OWNER_PREFIX))
    typer.echo(f"made a new owner's token in {path}")


@app.command()
def certificates(data_dir: DataDir = None, host: Hosts = None, days: Days = 365) -> None:
    """Make a certificate for each service, and the authority that signs them where it is missing.

    Services that run take them up with the next connection.
    """
    folder = tls_dir(_settings(data_dir).data_dir)
    authority = _authority(folder)
    hosts = _hosts(host)
    for service in SERVICES:
        _issue(folder, authority, f"services/{service}", service, hosts, days)
    for file, identity in OTHERS.items():
        _issue(folder, authority, identity, file, (), days)
    typer.echo("set ADJUTANT_TLS=mutual, or ADJUTANT_TLS=server, and start the mesh again")


@app.command()
def certificate(
    identity: Annotated[str, typer.Argument(help="Such as users/ada, or services/orchestrator.")],
    data_dir: DataDir = None,
    host: Hosts = None,
    days: Days = 365,
) -> None:
    """Make one certificate; a person's can call and not serve."""
    if not (is_person(identity) or is_service(identity)):
        raise UpError(f"{identity!r} is no identity; take one like users/ada")
    if is_person(identity) and host:
        raise UpError(
            "a person's certificate has no host: it could pass for a service; leave it out"
        )
    folder = tls_dir(_settings(data_dir).data_dir)
    hosts = _hosts(host) if is_service(identity) else ()
    file = identity.removeprefix("services/").replace("/", "-")
    _issue(folder, _authority(folder), identity, file, hosts, days)


@app.command()
def jwt(
    subject: Annotated[str, typer.Argument(help="Whose token it is; users/SUBJECT.")],
    data_dir: DataDir = None,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="Minutes until it ends.")] = 60,
) -> None:
    """Print a token of a person, signed by an issuer of this machine's own, to try with.

    On the first use it makes the issuer; the setting that makes services trust it goes to
    standard error.
    """
    if subject == "owner" or not is_person(f"users/{subject}"):
        raise UpError(
            f"{subject!r} cannot be a person's name; take one such as ada, of letters, digits and "
            "._@+|:-, without users/ before it, and not owner"
        )
    folder = _settings(data_dir).data_dir / SECRETS_DIR
    key = _issuer_key(folder)
    key_id = known_key(key.public_key()).key_id
    jwk = tokens.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks = {"keys": [{**jwk, "kid": key_id, "alg": "EdDSA", "use": "sig"}]}
    path = folder / "issuer.jwks.json"
    replace_private(path, json.dumps(jwks, indent=2).encode())
    trusted = {"issuer": LOCAL_ISSUER, "audience": LOCAL_AUDIENCE, "jwks_file": str(path)}
    setting = f"ADJUTANT_JWT_ISSUERS='{json.dumps([trusted])}'"
    typer.echo(f"services take it when they are started with: {setting}", err=True)
    now = int(time.time())
    claims = {"iss": LOCAL_ISSUER, "sub": subject, "aud": LOCAL_AUDIENCE, "iat": now}
    claims["exp"] = now + minutes * 60
    typer.echo(tokens.encode(claims, key, "EdDSA", headers={"kid": key_id}))


def _settings(data_dir: Path | None) -> MeshSettings:
    return settings_from() if data_dir is None else settings_from(data_dir=data_dir)


def _authority(folder: Path) -> Certified:
    """Return the mesh's authority, made where it is missing."""
    certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
    if not certificate_path.exists():
        make_authority(AUTHORITY_LIFETIME).write(certificate_path, key_path)
        typer.echo(f"made an authority in {certificate_path}; keep {key_path} to yourself")
    try:
        return Certified.read(certificate_path, key_path)
    except FileNotFoundError:
        raise UpError(
            f"{key_path} is not there, so nothing can be signed; bring it back, or remove "
            f"{certificate_path} to begin with a new authority"
        ) from None


def _issue(
    folder: Path, authority: Certified, identity: str, file: str, hosts: Sequence[str], days: int
) -> None:
    made = issue(authority, identity, hosts, timedelta(days=days))
    made.write(folder / f"{file}.pem", folder / f"{file}.key")
    end = made.certificate.not_valid_after_utc
    typer.echo(f"{identity}: {folder / f'{file}.pem'}, until {end:%Y-%m-%d}")


def _hosts(further: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*LOCAL_HOSTS, *(further or ()))))


def _issuer_key(folder: Path) -> Ed25519PrivateKey:
    path = folder / "issuer.key"
    make_private(path, new_mesh_key())
    return read_private_key(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = app(args=arguments, prog_name="adjutant auth", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "adjutant auth"
        return _failed(f"{error.format_message().rstrip('.')}; see `{path} --help`")
    except (UpError, OSError, ValueError) as error:
        return _failed(str(error))
    return code if isinstance(code, int) else 0


def _failed(text: str) -> int:
    print(f"adjutant auth: {text}", file=sys.stderr)
    return EXIT_BAD_USE


if __name__ == "__main__":
    sys.exit(main())
