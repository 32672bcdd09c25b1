"""Whether this process gets a connection to Microsoft, and any answer over it, be it an error."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .errors import MicrosoftError, Unreachable


@dataclass
class _Last:
    """By the monotonic clock: when it answered last; when there was no connection, where it has not answered since."""

    answered_at: float | None = None
    missed_at: float | None = None


_last = _Last()


def note_answer() -> None:
    _last.answered_at, _last.missed_at = time.monotonic(), None


def note_failure(error: MicrosoftError) -> None:
    if isinstance(error, Unreachable) and error.has_no_connection:
        _last.missed_at = time.monotonic()


def answered_within(seconds: float) -> bool:
    return _is_within(_last.answered_at, seconds)


def missed_within(seconds: float) -> bool:
    """Whether there was no connection the last time, so long ago at the most."""
    return _is_within(_last.missed_at, seconds)


def _is_within(moment: float | None, seconds: float) -> bool:
    return moment is not None and time.monotonic() - moment <= seconds
