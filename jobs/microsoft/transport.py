"""HTTP to Microsoft: pooled connections, verified TLS, deadlines, bounded answers, every request counted."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from webapp.models import Problem

from .connections import CONNECT_SECONDS, Adapter
from .errors import BadAnswer, BrokenOff, Throttled, TimedOut, TlsFailed, Unreachable

# How long an answer may stay silent, and how long it may take in all.
SILENCE_SECONDS = 30
ANSWER_SECONDS = 45
# The largest documented answer here, a page of SKUs with their service plans, is well under a megabyte.
ANSWER_BYTES = 32 * 1024 * 1024

_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A complete answer: its status, its headers (case-insensitive), its body."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    @property
    def request_id(self) -> str:
        return self.headers.get("request-id", "")[:64]

    @property
    def date(self) -> datetime | None:
        """When it was given, by the clock of who gave it."""
        return _http_date(self.headers.get("Date", ""))


@lru_cache
def _session(ca_bundle: str | None) -> requests.Session:
    """This process's connections: one tenant's work uses those that the work before it made.

    They carry nothing from one tenant to the next: no cookie is kept, and every request brings its own token.
    """
    session = requests.Session()
    session.mount("https://", Adapter(ca_bundle))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Else a .netrc of whoever runs the worker could put a password where the token belongs.
    session.auth = lambda request: request
    return session


class Transport:
    """Sends requests for one piece of work, and counts them.

    `before_request` is called before each request; what it raises stops the work. Redirects are not followed: a
    token must not travel to where an answer points.
    """

    def __init__(self, ca_bundle: str | None, before_request: Callable[[], None] = lambda: None) -> None:
        # The bundle goes with every request, since REQUESTS_CA_BUNDLE in the environment overrides a session's.
        self._verify: str | bool = ca_bundle or True
        self._session = _session(ca_bundle)
        self._before_request = before_request
        self.requests = 0

    def send(self, method: str, url: str, **options: Any) -> Answer:
        """The whole answer, whatever its status but 429, and 503 with Retry-After, which raise `Throttled`.

        Raises `Unreachable` where none came in time, and `TlsFailed` where the certificate could not be verified.
        """
        self._before_request()
        self.requests += 1
        deadline = time.monotonic() + ANSWER_SECONDS
        began = False
        try:
            with self._session.request(
                method,
                url,
                verify=self._verify,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                allow_redirects=False,
                stream=True,
                **options,
            ) as response:
                began = True
                answer = Answer(response.status_code, response.headers, _read(response, deadline))
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise _unreachable(TimedOut, url, "did not answer in time") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            if _is_about_tls(error):
                raise _tls_failed(url) from error
            if began:
                raise _broken_off(url) from error
            raise _unreachable(Unreachable, url, "cannot be reached") from error
        except OSError as error:
            raise _tls_failed(url) from error  # so requests says that the file of authorities is gone
        _obey_pace(answer)
        return answer


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    # read1 returns what has come, so that the deadline is seen however slowly it drips.
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > ANSWER_BYTES:
            size = f"it is larger than {ANSWER_BYTES // 1024**2} MB"
            raise BadAnswer(size, response.headers.get("request-id", "")[:64])
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the answer dripped in for too long")
    return bytes(body)


def _obey_pace(answer: Answer) -> None:
    seconds = retry_after(answer.headers.get("Retry-After"))
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and seconds is not None):
        reason = "Microsoft asked to slow down."
        if seconds:
            reason = f"Microsoft asked to slow down, and to be asked again in {math.ceil(seconds):,} seconds."
        fix = "Try again after that. Syncs wait and take the tenant up again by themselves."
        raise Throttled(Problem(reason, fix, f"HTTP {status}", answer.request_id, answer.date), seconds)


def retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, from a number or a date; None where it says nothing usable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < math.inf else None
    moment = _http_date(value)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_about_tls(error: BaseException) -> bool:
    """Whether certificate or protocol were wrong. A connection that breaks while TLS is spoken is not that."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        cause = _cause(cause)
    return False


def _cause(error: BaseException) -> BaseException | None:
    """What an error of requests or urllib3 is about: they pass it on as an argument or an attribute, not as a cause."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    return next((value for value in error.args if isinstance(value, BaseException)), None)


def _broken_off(url: str) -> BrokenOff:
    host = urlsplit(url).netloc
    return BrokenOff(
        Problem(
            f"The answer of {host} broke off or could not be decoded.",
            "This usually passes: try again later. If it stays, check whether a proxy or firewall changes answers.",
            "broken_answer",
        )
    )


def _unreachable(kind: type[Unreachable], url: str, what: str) -> Unreachable:
    host = urlsplit(url).netloc
    return kind(
        Problem(
            f"{host} {what}.",
            f"Check this server's network, name resolution, proxy and firewall: it must reach https://{host}.",
            "no_answer",
        )
    )


def _tls_failed(url: str) -> TlsFailed:
    host = urlsplit(url).netloc
    return TlsFailed(
        Problem(
            f"The certificate of {host} could not be verified.",
            "If a proxy here inspects TLS, set MICROSOFT_CA_BUNDLE to a file with its certificate authority. Also "
            "check this server's clock.",
            "tls_failed",
        )
    )
