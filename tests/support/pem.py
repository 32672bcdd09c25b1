"""Certificates and keys for tests, as people have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL


def rsa_key(number: int = 1, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same number: making one takes time."""
    return _rsa_key(number, bits)


@lru_cache
def _rsa_key(number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@lru_cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_certificate(key: Any, days: int = 365, begins: datetime | None = None, name: str = "Seatledger") -> Any:
    """A self-signed certificate that is good for so many days from now, or that ended so many days ago."""
    now = datetime.now(UTC)
    ends = now + timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or min(now, ends) - timedelta(days=1))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )


def key_pem(key: Any, form: PrivateFormat = PKCS8, password: str = "") -> str:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, form, protection).decode())


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def pem_pair(number: int = 1, days: int = 365) -> tuple[str, str]:
    """What is uploaded, the private key with its certificate; and the certificate alone, as the app has it.

    The same for the same numbers.
    """
    return _pem_pair(number, days)


@lru_cache
def _pem_pair(number: int, days: int) -> tuple[str, str]:
    key = rsa_key(number)
    public = certificate_pem(make_certificate(key, days))
    return key_pem(key) + public, public
