"""Reading the certificate that an app signs in with, from the PEM text that people have.

A certificate is taken only where Microsoft would take it: with its private key, an RSA key of 2048 bits or more, valid
today. Sources: Entra, "Microsoft identity platform application authentication certificate credentials"
(https://learn.microsoft.com/entra/identity-platform/certificate-credentials); shorter keys are refused as AADSTS700027.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .key_protection import is_too_dear

LARGEST = 64 * 1024
SHORTEST_KEY_BITS = 2048
# A key of 8192 bits takes 6,600 characters, protected; reading a longer one, as of DSA, holds everybody up.
_LONGEST_KEY = 7_000

_BEGIN, _DASHES = "-----BEGIN ", "-----"
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_KEYS = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"})
_MISTAKEN = {
    "CERTIFICATE REQUEST": "a certificate request, which is not a certificate yet",
    "NEW CERTIFICATE REQUEST": "a certificate request, which is not a certificate yet",
    "PUBLIC KEY": "a public key",
    "RSA PUBLIC KEY": "a public key",
    "OPENSSH PRIVATE KEY": "a key for SSH",
    "PKCS7": "certificates in PKCS#7 form",
}

_CONVERT = "openssl pkcs12 -in certificate.pfx -out certificate.pem -nodes"
_TAKE = "Take one PEM file with the private key and its certificate."


@dataclass(frozen=True)
class Certificate:
    """A private key and its certificate as PEM, which nobody is shown, and what people know it by."""

    pem: str = field(repr=False)
    # SHA-1, 40 hexadecimal digits in upper case, as the portal shows it.
    thumbprint: str
    # Its last day.
    ends_on: date


def read(content: bytes, password: str, now: datetime) -> Certificate:
    """The certificate in a PEM file. Raises `ValueError` with a sentence that says what to do."""
    if len(content) > LARGEST:
        raise ValueError(
            f"This has {len(content):,} bytes; a certificate with its key has a few thousand, and no more than "
            f"{LARGEST:,} are taken. {_TAKE}"
        )
    blocks = list(_blocks(_text(content)))
    texts = [text for label, text in blocks if label in _KEYS]
    certificates = [_certificate(text) for label, text in blocks if label in _CERTIFICATES]
    if not texts or not certificates:
        raise ValueError(_what_is_missing([label for label, _ in blocks], bool(texts), bool(certificates)))
    if len(texts) > 1:
        raise ValueError(f"This holds {len(texts)} private keys. {_TAKE}")
    key = _key(texts[0], password)
    own = _those_of(key, certificates)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("This is not an RSA key, and Microsoft takes only RSA keys here. Make a certificate with one.")
    if key.key_size < SHORTEST_KEY_BITS:
        raise ValueError(
            f"The key has {key.key_size:,} bits, and Microsoft takes none below {SHORTEST_KEY_BITS:,}. Make a "
            "certificate with a longer key."
        )
    certificate = _valid_one(own, now)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - a name, not a proof
    return Certificate(pem.decode("ascii"), thumbprint, certificate.not_valid_after_utc.date())


def _text(content: bytes) -> str:
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell writes files
    text = content.decode("utf-16" if is_utf16 else "utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError("Choose the PEM file of the certificate, or paste what it holds.")
    if _BEGIN not in text and content[:1] == b"\x30":
        raise ValueError(f"This is a binary file, such as a PFX or a CER. {_TAKE} A PFX becomes one with: {_CONVERT}")
    return text


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of a PEM file by their labels. What stands around them is none of it."""
    start = text.find(_BEGIN)
    while start >= 0:
        label_end = text.find(_DASHES, start + len(_BEGIN))
        label = text[start + len(_BEGIN) : label_end].strip() if label_end >= 0 else ""
        closing = f"-----END {label}-----"
        end = text.find(closing, label_end) if label else -1
        if end < 0:
            raise ValueError("This is cut off: a block begins in it and does not end. Copy the whole file.")
        yield label, _rewrapped(label, text[label_end + len(_DASHES) : end])
        start = text.find(_BEGIN, end + len(closing))


def _rewrapped(label: str, body: str) -> str:
    """A block as the standard has it, whatever pasting made of its line breaks."""
    headers, _, encoded = body.rpartition("\n\n") if "Proc-Type:" in body else ("", "", body)
    letters = "".join(encoded.split())
    lines = [letters[at : at + 64] for at in range(0, len(letters), 64)]
    head = [*(line.strip() for line in headers.splitlines() if line.strip()), ""] if headers else []
    return "\n".join([f"-----BEGIN {label}-----", *head, *lines, f"-----END {label}-----", ""])


def _what_is_missing(labels: Sequence[str], has_key: bool, has_certificate: bool) -> str:
    if has_certificate:
        return (
            "This holds only the public certificate: its private key is missing. "
            f"{_TAKE} From a PFX it is made with: {_CONVERT}"
        )
    if has_key:
        return f"This holds the private key only: its certificate is missing. {_TAKE}"
    mistaken = next((_MISTAKEN[label] for label in labels if label in _MISTAKEN), "")
    if mistaken:
        return f"This is {mistaken}. {_TAKE}"
    return f"This is not a certificate in PEM form, whose lines are framed by -----BEGIN and -----END. {_TAKE}"


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(
            "The certificate in it cannot be read: it is damaged, or was changed. Export it anew."
        ) from error


def _key(text: str, password: str) -> PrivateKeyTypes:
    if len(text) > _LONGEST_KEY:
        raise ValueError("The private key in it is too long: Microsoft's are of 2,048 to 8,192 bits.")
    is_encrypted = "ENCRYPTED" in text
    if is_encrypted and not password:
        raise ValueError("The private key is protected by a password. Type it under Key password.")
    if text.startswith("-----BEGIN ENCRYPTED") and _is_too_dear(text):
        raise ValueError(
            "The private key is protected so that trying its password takes too long. Export it anew with the usual "
            "protection, or without any."
        )
    try:
        return load_pem_private_key(text.encode(), password.encode() if is_encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise ValueError("The key password is wrong, or the private key is damaged.") from error
        raise ValueError(
            "The private key in it cannot be read: it is damaged, or was changed. Export it anew."
        ) from error


def _is_too_dear(text: str) -> bool:
    try:
        return is_too_dear(text)
    except ValueError as error:
        raise ValueError("The key password is wrong, or the private key is damaged.") from error


def _those_of(key: PrivateKeyTypes, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates of this key: a chain has those of its authorities beside it, in any order."""
    own = _public(key.public_key())
    found = [certificate for certificate in certificates if _public_key_of(certificate) == own]
    if not found:
        raise ValueError("The private key is not that of the certificate. Take both from the same export.")
    return found


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def _public_key_of(certificate: x509.Certificate) -> bytes | None:
    try:
        return _public(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _valid_one(certificates: Sequence[x509.Certificate], now: datetime) -> x509.Certificate:
    """The one that is valid now: where a certificate was renewed with its key, there may be several."""
    for certificate in certificates:
        if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return certificate
    begins, ends = certificates[0].not_valid_before_utc, certificates[0].not_valid_after_utc
    if now > ends:
        raise ValueError(f"The certificate expired on {ends:%Y-%m-%d}. Make a new one, and upload it to the app, too.")
    raise ValueError(f"The certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC. Use one that is valid today.")
