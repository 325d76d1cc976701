"""A certificate authority of the mesh's own, and the certificates that it signs.

A service's certificate names its identity (a URI) and the hosts where it answers, and is good for
both ends of a connection. A person's names the identity alone and is good for calling only, so
that nobody can pass for a service with it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.mesh.identity.files import read_private, replace_private
from services.mesh.identity.peer import TRUST_DOMAIN

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_CLOCK_MARGIN: Final = timedelta(minutes=5)
_CALLS: Final = ExtendedKeyUsageOID.CLIENT_AUTH
_SERVES: Final = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, certificate_path: Path, key_path: Path) -> None:
        """Write both as PEM, mode 600, in place of what was there; the key first."""
        replace_private(
            key_path,
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        replace_private(certificate_path, self.certificate.public_bytes(serialization.Encoding.PEM))

    @classmethod
    def read(cls, certificate_path: Path, key_path: Path) -> "Certified":
        """Read both. OSError, ValueError."""
        key = serialization.load_pem_private_key(read_private(key_path), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} holds a key of another kind than the mesh makes")
        return cls(x509.load_pem_x509_certificate(certificate_path.read_bytes()), key)


def make_authority(lifetime: timedelta) -> Certified:
    """Return a new authority, which signs itself and can sign no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("Adjutant mesh authority")
    usage = _usage(signs_certificates=True)
    builder = (
        _begun(name, name, key.public_key(), datetime.now(UTC) + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return Certified(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Certified, identity: str, hosts: Sequence[str], lifetime: timedelta
) -> Certified:
    """Return a certificate of an identity such as `services/orchestrator` or `users/ada`.

    `hosts` are the names and addresses where it answers; without any it can only call. It
    ends no later than the authority.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(datetime.now(UTC) + lifetime, authority.certificate.not_valid_after_utc)
    names = [x509.UniformResourceIdentifier(TRUST_DOMAIN + identity), *map(_host, hosts)]
    issuer_key = authority.key.public_key()
    builder = (
        _begun(_named(identity), authority.certificate.subject, key.public_key(), end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([_CALLS, _SERVES] if hosts else [_CALLS]), critical=False
        )
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )
    return Certified(builder.sign(authority.key, hashes.SHA256()), key)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _CLOCK_MARGIN)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(text: str) -> x509.Name:
    # X.520 allows 64 characters; nothing reads this name, people do.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
