"""What the client shows: a token, a certificate, and what sort of program it is."""

from __future__ import annotations

import os
import pathlib
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from services.client.errors import ConfigurationError
from services.ports import is_loopback
from services.targets import host_of, options_for, require_one_host, split, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.client.discovery import Mesh

TOKEN_VARIABLE: Final = "ADJUTANT_TOKEN"
TOKEN_FILE_VARIABLE: Final = "ADJUTANT_TOKEN_FILE"
CA_VARIABLE: Final = "ADJUTANT_TLS_CA"
CERTIFICATE_VARIABLE: Final = "ADJUTANT_TLS_CERT"
KEY_VARIABLE: Final = "ADJUTANT_TLS_KEY"
SYSTEM_CA: Final = "system"
"""In place of a file: the authorities that gRPC trusts by itself, for a public front door."""
OWNER_TOKEN_FILE: Final = "owner.token"


@dataclass(frozen=True)
class Tls:
    """Files for TLS, each PEM."""

    ca: str
    """Whom to trust: a file, or SYSTEM_CA."""
    certificate: str = ""
    """What to show where servers ask for one."""
    key: str = ""
    """The certificate's key."""

    def credentials(self) -> grpc.ChannelCredentials:
        """Return them as gRPC takes them. ConfigurationError where a file cannot be read."""
        ca = None if self.ca == SYSTEM_CA else _read(self.ca, CA_VARIABLE)
        if not self.certificate:
            return grpc.ssl_channel_credentials(ca)
        if not self.key:
            raise ConfigurationError(
                f"{CERTIFICATE_VARIABLE} needs {KEY_VARIABLE}, the file of its key"
            )
        key = _read(self.key, KEY_VARIABLE)
        return grpc.ssl_channel_credentials(ca, key, _read(self.certificate, CERTIFICATE_VARIABLE))


@dataclass(frozen=True)
class Identity:
    """Who calls, and how nobody else hears of it."""

    given: str = ""
    """A token that was given as such."""
    file: pathlib.Path | None = None
    """A file to read one from, at each call: it may be rotated."""
    is_required: bool = False
    """Whether somebody named the file, so that it must be there."""
    tls: Tls | None = None
    platform: str = "other"
    """What sort of program calls."""

    def metadata(self, address: str) -> tuple[tuple[str, str], ...]:
        """Return what each call to HOST:PORT, or to several of one service, shows.

        ConfigurationError where the token would travel in clear, or is in a file that
        cannot be read.
        """
        shown = (("adjutant-platform", self.platform),)
        token = self._token()
        if not token:
            return shown
        is_local = all(is_loopback(host_of(each)) for each in split(address))
        if self.tls is None and not is_local:
            raise ConfigurationError(
                f"the token would travel in clear to {address}; set {CA_VARIABLE} to the file of "
                f"the authority that signed its certificate, or to `{SYSTEM_CA}`"
            )
        return (*shown, ("authorization", f"Bearer {token}"))

    def channel(
        self, address: str, config: Mapping[str, Any], options: list[tuple[str, Any]]
    ) -> grpc.aio.Channel:
        """Return a channel to HOST:PORT, or to several of one service, with a service config.

        ConfigurationError where a file cannot be read, or the addresses cannot be called together.
        """
        try:
            if self.tls is not None:
                require_one_host(address)
            target = target_of(address)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        options = options_for(address, config, options)
        if self.tls is None:
            return grpc.aio.insecure_channel(target, options=options)
        return grpc.aio.secure_channel(target, self.tls.credentials(), options=options)

    def _token(self) -> str:
        if self.given or self.file is None:
            return self.given
        try:
            token = self.file.read_text().strip()
            # A file that somebody named may be mounted as its platform mounts secrets.
            if not self.is_required and self.file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(
                    f"{self.file} can be read by others, so it is not taken; make another token "
                    f"with `adjutant auth rotate-owner-token`, or run: chmod 600 {self.file}"
                )
        except (OSError, UnicodeDecodeError) as error:
            if self.is_required:
                raise ConfigurationError(
                    f"the token in {self.file} cannot be read: {error}"
                ) from error
            return ""  # another user's mesh, or one of before there were tokens
        return _plain(token, str(self.file))


def find_identity(
    mesh: Mesh, token: str = "", platform: str = "other", environ: Mapping[str, str] | None = None
) -> Identity:
    """Return what to show to a mesh.

    The first that is said wins: `token`, `ADJUTANT_TOKEN`, `ADJUTANT_TOKEN_FILE`, and the owner's
    token of the data directory in which the mesh was found. For TLS `ADJUTANT_TLS_CA`,
    `ADJUTANT_TLS_CERT` and `ADJUTANT_TLS_KEY`, else what the mesh says of itself there.

    Raises ConfigurationError where a token has characters that no token has.
    """
    environ = os.environ if environ is None else environ
    given = _plain(token or environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE)
    named = environ.get(TOKEN_FILE_VARIABLE, "")
    file = pathlib.Path(named).expanduser() if named else None
    if file is None and mesh.data_dir is not None:
        file = mesh.data_dir / OWNER_TOKEN_FILE
    return Identity(given, file, bool(named), _find_tls(mesh, environ), platform)


def _find_tls(mesh: Mesh, environ: Mapping[str, str]) -> Tls | None:
    ca = environ.get(CA_VARIABLE, "") or mesh.tls.get("ca", "")
    if not ca:
        return None
    certificate = environ.get(CERTIFICATE_VARIABLE, "") or mesh.tls.get("certificate", "")
    key = environ.get(KEY_VARIABLE, "") or mesh.tls.get("key", "")
    return Tls(ca, certificate, key)


def _plain(token: str, where: str) -> str:
    token = token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigurationError(
            f"what {where} holds is no token; take all of one line, and no more"
        )
    return token


def _read(path: str, variable: str) -> bytes:
    try:
        content = pathlib.Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}); set {variable} to one in PEM"
        ) from error
    kind = b"PRIVATE KEY-----" if variable == KEY_VARIABLE else b"-----BEGIN CERTIFICATE-----"
    if kind not in content:  # gRPC would only say that nobody answers
        wanted = "private key" if variable == KEY_VARIABLE else "certificate"
        raise ConfigurationError(f"{path} holds no {wanted}; set {variable} to one in PEM")
    return content
