"""Reading the certificate that an app signs in with, from what people upload and paste."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.support.pem import PKCS8, TRADITIONAL, certificate_pem, ec_key, key_pem, make_certificate, pem_pair, rsa_key
from webapp.integrations import certificates
from webapp.integrations.certificates import Certificate

CERTIFICATE = make_certificate(rsa_key())
KEY_PEM, CERTIFICATE_PEM = key_pem(rsa_key()), certificate_pem(CERTIFICATE)
OTHERS = certificate_pem(make_certificate(rsa_key(2), name="An authority"))


def read(text: str | bytes, password: str = "") -> Certificate:
    content = text if isinstance(text, bytes) else text.encode()
    return certificates.read(content, password, datetime.now(UTC))


def refused(text: str | bytes, password: str = "") -> str:
    with pytest.raises(ValueError, match=r"\w") as caught:
        read(text, password)
    said = str(caught.value)
    assert "PRIVATE KEY" not in said
    assert len(said) < 500
    return said


def assert_is_ours(found: Certificate) -> None:
    stored = found.pem.encode()
    assert x509.load_pem_x509_certificate(stored) == CERTIFICATE
    key = load_pem_private_key(stored, None)
    assert key.private_numbers() == rsa_key().private_numbers()  # type: ignore[union-attr]
    assert found.thumbprint == CERTIFICATE.fingerprint(hashes.SHA1()).hex().upper()
    assert found.ends_on == CERTIFICATE.not_valid_after_utc.date()


@pytest.mark.parametrize(
    "text",
    [
        KEY_PEM + CERTIFICATE_PEM,
        CERTIFICATE_PEM + KEY_PEM,
        key_pem(rsa_key(), TRADITIONAL) + CERTIFICATE_PEM,
        # A chain, the leaf first, or last.
        KEY_PEM + CERTIFICATE_PEM + OTHERS,
        OTHERS + CERTIFICATE_PEM + KEY_PEM,
        # What openssl pkcs12 writes around the blocks.
        f"Bag Attributes\n    friendlyName: Schlüssel\n{KEY_PEM}subject=CN = x\n{CERTIFICATE_PEM}",
        (KEY_PEM + CERTIFICATE_PEM).replace("\n", "\r\n"),
        (KEY_PEM + CERTIFICATE_PEM).replace("\n", " "),
        "\n".join(f"   {line}" for line in (KEY_PEM + CERTIFICATE_PEM).splitlines()),
        "\ufeff" + KEY_PEM + CERTIFICATE_PEM,
        (KEY_PEM + CERTIFICATE_PEM).encode("utf-16"),
        KEY_PEM + CERTIFICATE_PEM.replace("CERTIFICATE", "X509 CERTIFICATE"),
    ],
    ids=[
        "key first",
        "certificate first",
        "PKCS#1",
        "chain",
        "chain backwards",
        "bag attributes",
        "Windows",
        "pasted on one line",
        "indented",
        "byte order mark",
        "UTF-16",
        "X509",
    ],
)
def test_the_blocks_are_found_in_whatever_form_and_order(text: str | bytes) -> None:
    assert_is_ours(read(text))


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL], ids=["PKCS#8", "PKCS#1"])
def test_a_protected_key_takes_its_password_and_is_stored_without(form: PrivateFormat) -> None:
    protected = key_pem(rsa_key(), form, password="open sesame")
    assert_is_ours(read(protected + CERTIFICATE_PEM, "open sesame"))
    assert "password" in refused(protected + CERTIFICATE_PEM)
    assert "password is wrong" in refused(protected + CERTIFICATE_PEM, "open barley")


def _protected_by(oid: str, *numbers: int) -> str:
    """A key that says it is protected so; the numbers say how often, or with how much memory, it is hashed."""
    salt, cipher = _der(4, b"saltsalt"), _der(0x30, bytes.fromhex("060960864801650304012a") + _der(4, bytes(16)))
    counts = b"".join(_der(2, number.to_bytes(9).lstrip(b"\0").rjust(1, b"\0")) for number in numbers)
    function = _der(0x30, bytes.fromhex(oid) + _der(0x30, salt + counts))
    method = _der(0x30, bytes.fromhex("06092a864886f70d01050d") + _der(0x30, function + cipher))
    body = base64.encodebytes(_der(0x30, method + _der(4, bytes(64)))).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    return (
        bytes([tag, 0x82]) + len(content).to_bytes(2) + content
        if len(content) > 127
        else (bytes([tag, len(content)]) + content)
    )


PBKDF2, SCRYPT = "06092a864886f70d01050c", "06092b06010401da47040b"


@pytest.mark.parametrize(
    "protected",
    [_protected_by(PBKDF2, 2**31 - 1), _protected_by(PBKDF2, 2**63), _protected_by(SCRYPT, 2**20, 2**10, 2**10)],
)
def test_a_key_whose_password_would_be_hashed_for_hours_is_not_tried(protected: str) -> None:
    began = time.monotonic()
    assert "protected so that" in refused(protected + CERTIFICATE_PEM, "open sesame")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("body", ["MAA=", "MIIB", "!!!!", "MIAwgDCAMIA" + "wgDCAMIA" * 700, ""])
def test_a_protected_key_that_is_damaged_is_refused(body: str) -> None:
    pem = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n"
    assert "damaged" in refused(pem + CERTIFICATE_PEM, "open sesame")


def test_a_password_that_is_not_needed_does_no_harm() -> None:
    assert_is_ours(read(KEY_PEM + CERTIFICATE_PEM, "not needed"))


def test_of_certificates_with_the_same_key_the_valid_one_is_taken() -> None:
    old = certificate_pem(make_certificate(rsa_key(), days=-30))
    assert_is_ours(read(KEY_PEM + old + CERTIFICATE_PEM))


PFX = serialize_key_and_certificates(b"x", rsa_key(), CERTIFICATE, None, BestAvailableEncryption(b"secret"))
PUBLIC = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(x509.Name([]))
    .sign(rsa_key(), hashes.SHA256())
    .public_bytes(Encoding.PEM)
    .decode()
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CERTIFICATE_PEM, "private key is missing"),
        (KEY_PEM, "certificate is missing"),
        (KEY_PEM + OTHERS, "not that of the certificate"),
        (PFX, "openssl pkcs12"),
        (CERTIFICATE.public_bytes(Encoding.DER), "binary file"),
        (PUBLIC, "a public key"),
        (REQUEST, "certificate request"),
        (b"", "Choose the PEM file"),
        (b" \n\t ", "Choose the PEM file"),
        (b"\x00\xff\xfe garbage" * 50, "not a certificate in PEM form"),
        ("Hello, this is my certificate", "not a certificate in PEM form"),
        (b"\xff\xfe\x00", "not a certificate in PEM form"),
        ((KEY_PEM + CERTIFICATE_PEM)[:-60], "cut off"),
        ("-----BEGIN ", "cut off"),
        ("-----BEGIN -----", "cut off"),
        (KEY_PEM + KEY_PEM + CERTIFICATE_PEM, "2 private keys"),
        (KEY_PEM.replace(KEY_PEM.splitlines()[5], "A" * 64) + CERTIFICATE_PEM, "private key in it cannot be read"),
        (KEY_PEM + CERTIFICATE_PEM.replace(CERTIFICATE_PEM.splitlines()[2], "A" * 64), "."),
        ("-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----\n" + CERTIFICATE_PEM, "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n" + KEY_PEM, "cannot be read"),
        ("A" * (certificates.LARGEST + 1), "bytes"),
        ("-----BEGIN " * 5000, "cut off"),
        (key_pem(ec_key()) + certificate_pem(make_certificate(ec_key())), "not an RSA key"),
        (key_pem(ec_key(), TRADITIONAL) + certificate_pem(make_certificate(ec_key())), "not an RSA key"),
        (key_pem(rsa_key(3, 1024)) + certificate_pem(make_certificate(rsa_key(3, 1024))), "1,024 bits"),
        ("-----BEGIN PRIVATE KEY-----\n" + "A" * 7000 + "\n-----END PRIVATE KEY-----\n" + CERTIFICATE_PEM, "too long"),
    ],
)
def test_what_is_of_no_use_is_refused_in_a_sentence(content: str | bytes, says: str) -> None:
    assert says in refused(content)


def test_a_key_of_openssh_is_told_apart() -> None:
    body = base64.b64encode(b"openssh-key-v1\x00" * 9).decode()
    text = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"
    assert "for SSH" in refused(text)


def test_an_expired_certificate_is_refused_with_its_date() -> None:
    expired = make_certificate(rsa_key(), days=-3)
    said = refused(KEY_PEM + certificate_pem(expired))
    assert f"expired on {expired.not_valid_after_utc:%Y-%m-%d}" in said


def test_one_that_is_not_valid_yet_is_refused_with_its_date() -> None:
    begins = datetime.now(UTC) + timedelta(days=2)
    said = refused(KEY_PEM + certificate_pem(make_certificate(rsa_key(), begins=begins)))
    assert f"not valid before {begins:%Y-%m-%d}" in said


def test_neither_the_key_nor_its_certificate_is_in_what_is_printed() -> None:
    found = read(pem_pair()[0])
    assert "BEGIN" not in repr(found)
