"""The second line of defence: what looks like a secret is replaced in every line of the log.

The first one is that no secret is logged. Every pattern needs time in proportion to the text, since some of what is
logged was written by others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"

# Whatever is given a name that ends so is secret, however it looks.
_NAMES = r"(?:secret|password|passwd|token|assertion|code_verifier|secret_key|private_key|encryption_keys?)"
SECRET_NAME = re.compile(rf"{_NAMES}$|^authorization$|^cookie$", re.IGNORECASE)

# A value in quotes, in quotes that are escaped, or up to where it ends without them.
_VALUE = r"""(?:\\["'][^"'\\]*|b?"(?:[^"\\]|\\.)*|b?'(?:[^'\\]|\\.)*|[^\s,;&"'}\])]+)"""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}KEY-----|\Z)", re.DOTALL), ""),
    # A header, to the end of its line or of the text in quotes that it stands in.
    (
        re.compile(r"""((?:authorization|cookie)\\?["']?\s{0,5}[:=]\s{0,5}b?\\?["']?)[^\r\n"'}]+""", re.IGNORECASE),
        r"\1",
    ),
    (re.compile(r"""(\bbearer(?:\s|%20|\+){1,5})[^\s"',;&]{6,}""", re.IGNORECASE), r"\1"),
    (re.compile(rf"""({_NAMES}\\?["']?\s{{0,5}}[:=]\s{{0,5}}){_VALUE}""", re.IGNORECASE), r"\1"),
    # An authorization code; a short code is an error's.
    (re.compile(r"(\bcode=)[^\s&\"']{20,}"), r"\1"),
    # A JSON web token, or what else is JSON in base64.
    (re.compile(r"eyJ[\w-]{17,}(?:\.[\w-]+)*"), ""),
    # What the vault sealed: a Fernet token's first bytes are its version and the zeros of its time.
    (re.compile(r"gAAAAA[\w-]{20,}(?:=|%3D){0,2}"), ""),
    # Entra's refresh tokens and its client secrets.
    (re.compile(r"(?<![\w.])[01]\.A[\w-]{30,}(?:\.[\w-]+)*"), ""),
    (re.compile(r"[\w~.-]{3}\dQ~[\w~.-]{31,34}"), ""),
    # This product's API keys, and the addresses that let somebody in.
    (re.compile(r"slk_[\w-]{16,}"), ""),
    (re.compile(r"(/(?:invitation|reset)/)[\w-]{10,}"), r"\1"),
    # The password in an address.
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]{1,200}(?=@)"), r"\1"),
)

_known: set[str] = set()


def also_redact(secrets: Iterable[str]) -> None:
    """Replace these, too, wherever they stand. What is too short to be a secret is left."""
    _known.update(secret for secret in secrets if len(secret) >= 8)


def redact(text: str) -> str:
    for secret in _known:
        text = text.replace(secret, REDACTED)
    for pattern, kept in _PATTERNS:
        text = pattern.sub(kept + REDACTED, text)
    return text
