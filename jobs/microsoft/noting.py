"""What was asked of Microsoft, counted; and what it refused, in the log: where, with which status, by which request.

Neither a query, a header, nor a body is noted: tokens and names of people are in them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from webapp.metrics import events

from . import contact
from .errors import BadAnswer, BrokenOff, MicrosoftError, TimedOut, TlsFailed

log = logging.getLogger(__name__)

_LONGEST_PATH = 200

_FAILURES: tuple[tuple[type[MicrosoftError], str], ...] = (
    (TimedOut, "timeout"),
    (BrokenOff, "broken"),
    (TlsFailed, "tls"),
    (BadAnswer, "bad"),
)


def note_answer(url: str, status: int, request_id: str) -> None:
    """An answer came to a request."""
    contact.note_answer(url)
    _note(url, status, request_id, lambda label: events.request_answered(_kind(url), label))


def note_batched(url: str, status: int, request_id: str) -> None:
    """An answer came within the answer to a batch; `url` is where it would have been asked for by itself."""
    _note(url, status, request_id, events.batched_answered)


def note_failure(url: str, error: MicrosoftError) -> None:
    """No answer came to a request, or none that can be used."""
    contact.note_failure(url, error)
    what = next((word for kind, word in _FAILURES if isinstance(error, kind)), "unreachable")
    events.request_answered(_kind(url), what)
    host, path = _place(url)
    log.warning(
        "%s gave no answer at %s: %s", host, path, what, extra=_about(host, path, what, error.problem.request_id)
    )


def _note(url: str, status: int, request_id: str, count: Callable[[str], None]) -> None:
    # Whatever number is made up there, it makes no new series.
    count(str(status) if 100 <= status <= 599 else "other")
    if status < 400:
        return
    host, path = _place(url)
    # A refusal says something about one tenant; a failure or a limit, about how Microsoft is.
    level = logging.WARNING if status == 429 or status >= 500 else logging.INFO
    log.log(level, "%s answered %s at %s", host, status, path, extra=_about(host, path, status, request_id))


def _about(host: str, path: str, status: int | str, request_id: str) -> dict[str, object]:
    return {"host": host, "path": path, "status": status, "request_id": request_id}


def _kind(url: str) -> str:
    """Whether it is a sign-in or a request to Graph: by its path, since the settings can send both to one host."""
    path = urlsplit(url).path
    if "/oauth2/" in path or "/.well-known/" in path:
        return "sign_in"
    return "graph" if "/v1.0/" in path else "other"


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.path[:_LONGEST_PATH]
