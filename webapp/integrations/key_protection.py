"""What it would cost to open a protected private key, read before anything is done with its password.

The file itself says how often its password is hashed, and with how much memory: one that says two thousand million
times would keep this server busy for hours, with everybody waiting.
Sources: RFC 5958, "EncryptedPrivateKeyInfo"; RFC 8018, PBES1, PBES2, PBKDF2; RFC 7914, "ASN.1 Syntax" of scrypt.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator

# What people make keys with counts from 2,048 to 600,000; a million take about a second.
_MOST_ROUNDS = 1_000_000
# The product of all numbers: of scrypt's cost, block size and parallelism with the key's length, 128 MB of memory.
_MOST_IN_ALL = 1 << 25

_SEQUENCE, _INTEGER = 0x30, 0x02


def is_too_dear(pem: str) -> bool:
    """Whether opening this block, an ENCRYPTED PRIVATE KEY, takes too long. Raises `ValueError` where it is none."""
    _, _, body, *_ = pem.split("-----")
    key = _only(base64.b64decode("".join(body.split()), validate=True))
    method = next(_elements(key), (0, b""))
    numbers = list(_numbers(method))
    return max(numbers, default=0) > _MOST_ROUNDS or math.prod(filter(None, numbers)) > _MOST_IN_ALL


def _only(data: bytes) -> bytes:
    """The content of the one sequence that the data is."""
    found = list(_elements(data))
    if len(found) != 1 or found[0][0] != _SEQUENCE:
        raise ValueError
    return found[0][1]


def _numbers(element: tuple[int, bytes]) -> Iterator[int]:
    """All integers in the element, however deep. It is no recursion: what was made to be deep must not end it."""
    waiting = [element]
    while waiting:
        tag, content = waiting.pop()
        if tag == _SEQUENCE:
            waiting.extend(_elements(content))
        elif tag == _INTEGER:
            yield int.from_bytes(content)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that stand one after another in DER, each with its tag. Raises `ValueError`."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], _byte(data, at + 1), at + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size])
            at += size
        if at + length > len(data):
            raise ValueError
        yield tag, data[at : at + length]
        at += length


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError
    return data[at]
