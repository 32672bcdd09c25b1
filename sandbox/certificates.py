"""The sandbox's certificate authority, kept in its directory, and a certificate for the names it is reached by."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import trustme

_NAMES = ("localhost", "127.0.0.1", "::1")


class AuthorityError(Exception):
    """The authority that is kept in the directory cannot be used; the message says what to do."""


def server_context(directory: Path) -> ssl.SSLContext:
    """A TLS context with a fresh certificate from the authority in `directory`, which is made if it is not there.

    The authority's certificate is `ca.pem`, the same at every start; its key is readable by its owner only. Raises
    AuthorityError, or OSError where the directory cannot be written.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _authority(directory).issue_cert(*_NAMES, common_name="Seatledger sandbox").configure_cert(context)
    return context


def _authority(directory: Path) -> trustme.CA:
    certificate, key = directory / "ca.pem", directory / "ca-key.pem"
    if certificate.exists() and key.exists():
        try:
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        except ValueError as error:
            raise AuthorityError(f"{certificate} or {key} is damaged; without both, new ones are made") from error
    authority = trustme.CA(organization_name="Seatledger sandbox", organization_unit_name="Not for production")
    write_private(key, authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read; a reader sees the old file or all of the new one."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)
