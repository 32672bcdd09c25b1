"""What was found of one part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "ok"
    # It works, and somebody should look at it.
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, in a sentence, and what to do where it is not well."""

    part: str
    health: Health
    text: str
    fix: str = ""


def well(part: str, text: str) -> Finding:
    return Finding(part, Health.OK, text)


def doubtful(part: str, text: str, fix: str) -> Finding:
    return Finding(part, Health.WARNING, text, fix)


def ill(part: str, text: str, fix: str) -> Finding:
    return Finding(part, Health.FAILED, text, fix)
