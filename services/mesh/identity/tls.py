"""Certificates at both ends of a connection between services."""

import functools
import logging
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from services.mesh.config import MeshSettings
from services.mesh.identity.files import Complaint, Watched, read_private
from services.mesh.identity.local import SECRETS_DIR
from services.ports import is_loopback

log = logging.getLogger(__name__)


def tls_dir(data_dir: Path) -> Path:
    """Return where the certificates of an embedded mesh are."""
    return data_dir / SECRETS_DIR / "tls"


def certificate_path(settings: MeshSettings) -> Path:
    """Return where the service's certificate is."""
    return settings.tls_cert_file or tls_dir(settings.data_dir) / f"{settings.service}.pem"


def certificate_key_path(settings: MeshSettings) -> Path:
    """Return where the key of the service's certificate is."""
    return settings.tls_key_file or tls_dir(settings.data_dir) / f"{settings.service}.key"


def authority_path(settings: MeshSettings) -> Path:
    """Return where the certificate of the authority is that signs the mesh's."""
    return settings.tls_ca_file or tls_dir(settings.data_dir) / "ca.pem"


def require_safe(settings: MeshSettings) -> None:
    """Raise OSError where others could reach the service and read along."""
    if settings.tls == "off" and not is_loopback(settings.host):
        raise OSError(
            f"{settings.service} will not serve on {settings.host} without TLS: tokens would "
            "travel in clear. Make certificates with `adjutant auth certificates` and set "
            "ADJUTANT_TLS=server or mutual, or leave ADJUTANT_HOST on 127.0.0.1."
        )


def server_credentials(settings: MeshSettings) -> grpc.ServerCredentials | None:
    """Return what a server shows and asks for; None where TLS is off.

    The files are looked at for each new connection, so a renewed certificate needs no
    restart; while they cannot be read the ones before go on. OSError where they cannot
    be read at first.
    """
    if settings.tls == "off":
        return None
    certificates = _Reloading(settings)
    return grpc.dynamic_ssl_server_credentials(
        certificates.first(),
        certificates.fetch,  # type: ignore[arg-type]  # None is what it takes for "as before"
        settings.tls == "mutual",
    )


def channel_credentials(settings: MeshSettings) -> grpc.ChannelCredentials | None:
    """Return what a service's calls show and ask for; None where TLS is off. OSError."""
    if settings.tls == "off":
        return None
    authority = _read(authority_path(settings))
    if settings.tls == "server":
        return grpc.ssl_channel_credentials(authority)
    return grpc.ssl_channel_credentials(
        authority,
        _read(certificate_key_path(settings), private=True),
        _read(certificate_path(settings)),
    )


class _Reloading:
    """The server's certificate, its key and the authority, as they are on disk now."""

    def __init__(self, settings: MeshSettings) -> None:
        self._is_mutual: Final = settings.tls == "mutual"
        private = functools.partial(_read, private=True)
        self._key = Watched(certificate_key_path(settings), private)
        self._certificate = Watched(certificate_path(settings), _read)
        self._authority = Watched(authority_path(settings), _read)
        self._seen: tuple[bytes, ...] = ()
        self._complain = Complaint(log)

    def first(self) -> grpc.ServerCertificateConfiguration:
        """Return what is there at the start. OSError."""
        self._seen = self._read()
        _require_pair(*self._seen[:2])
        return self._made()

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what is there now; None where it is what it was. gRPC calls this."""
        try:
            now = self._read()
            if now == self._seen:
                return None
            _require_pair(*now[:2])  # one of two files may be written already
        except OSError as error:
            self._complain("the certificate cannot be used; the one before goes on: %s", error)
            return None
        self._seen = now
        return self._made()

    def _read(self) -> tuple[bytes, ...]:
        return self._key.get(), self._certificate.get(), self._authority.get()

    def _made(self) -> grpc.ServerCertificateConfiguration:
        key, certificate, authority = self._seen
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], authority if self._is_mutual else None
        )


def _require_pair(key: bytes, certificate: bytes) -> None:
    """Raise OSError where a certificate and a key, both PEM, do not belong together."""
    try:
        own = serialization.load_pem_private_key(key, password=None).public_key()
        if own == x509.load_pem_x509_certificate(certificate).public_key():
            return
    except (ValueError, TypeError) as error:
        raise OSError(f"the certificate or its key is no PEM: {error}") from error
    raise OSError("the certificate is for another key; make both anew, or name the right files")


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        return read_private(path) if private else path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"TLS needs {path}, which is not there; run `adjutant auth certificates`, or say "
            "with ADJUTANT_TLS_CERT_FILE, _KEY_FILE and _CA_FILE where it is"
        ) from None


def job_variables(settings: MeshSettings) -> dict[str, str]:
    """Return the environment by which a job can call its runner; nothing where TLS is off.

    Where callers must show a certificate, a job has one of nobody who may do anything: its
    report's own token says which run it is. It never sees the service's.
    """
    if settings.tls == "off":
        return {}
    found = {"ADJUTANT_TLS_CA": str(authority_path(settings))}
    if settings.tls == "mutual":
        folder = tls_dir(settings.data_dir)
        found["ADJUTANT_TLS_CERT"] = str(folder / "job.pem")
        found["ADJUTANT_TLS_KEY"] = str(folder / "job.key")
    return found
