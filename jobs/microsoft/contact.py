"""Which hosts of Microsoft's this process gets a connection to, and any answer over it, be it an error."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from .errors import MicrosoftError, has_no_connection

# By host, and by the monotonic clock: when it answered last; and when there was no connection to it, where it has not
# answered since. The clouds have few hosts, and each is asked by itself: one may be away for everybody.
_answered: dict[str, float] = {}
_missed: dict[str, float] = {}


def note_answer(url: str) -> None:
    """Note that the host of this address answered just now."""
    host = urlsplit(url).netloc
    _answered[host] = time.monotonic()
    _missed.pop(host, None)


def note_failure(url: str, error: MicrosoftError) -> None:
    """Note that there was no connection to the host of this address, where the error says so."""
    if has_no_connection(error):
        _missed[urlsplit(url).netloc] = time.monotonic()


def answered_within(seconds: float) -> list[str]:
    """The hosts that answered so long ago at the most."""
    return _within(_answered, seconds)


def missed_within(seconds: float) -> list[str]:
    """The hosts to which there was no connection the last time, so long ago at the most."""
    return _within(_missed, seconds)


def _within(moments: Mapping[str, float], seconds: float) -> list[str]:
    since = time.monotonic() - seconds
    # A copy, since other threads note what comes meanwhile.
    return sorted(host for host, moment in dict(moments).items() if moment >= since)
