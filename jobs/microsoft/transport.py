"""HTTP to Microsoft: pooled connections, verified TLS, deadlines, bounded answers, every request counted."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from webapp.metrics import events
from webapp.models import Problem

from .connections import CONNECT_SECONDS, Adapter
from .errors import BadAnswer, BrokenOff, MicrosoftError, Throttled, TimedOut, TlsFailed, Unreachable
from .noting import note_answer, note_failure
from .retry_after import http_date, retry_after

# How long an answer may stay silent; how long it may take in all, its connection knows.
SILENCE_SECONDS = 30
# The largest documented answer here, a page of SKUs with their service plans, is well under a megabyte.
ANSWER_BYTES = 32 * 1024 * 1024

_CHUNK = 64 * 1024
_REQUEST_ID = re.compile("[0-9A-Fa-f-]{1,64}")
_HEADERS = requests.utils.default_headers()
_making = Lock()


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
        """What Microsoft finds the request by; Graph and Entra ID name it differently."""
        return request_id_in(self.headers)

    @property
    def date(self) -> datetime | None:
        """When it was given, by the clock of who gave it."""
        return http_date(self.headers.get("Date", ""))


def request_id_in(headers: Mapping[str, str]) -> str:
    """The request's id in these headers of an answer; empty where there is none, or something else in its place."""
    given = (headers.get(name, "") for name in ("request-id", "x-ms-request-id"))
    # It is shown and logged, and what else may stand there could be the token.
    return next(filter(_REQUEST_ID.fullmatch, given), "")


def _adapter(ca_bundle: str | None) -> Adapter:
    """This process's connections, for all its threads: one tenant's work uses those that the work before it made."""
    with _making:  # else two threads that begin together make one each
        return _made_adapter(ca_bundle)


# Requests go by the adapter alone, and carry nothing from one tenant to the next: with a session there would be cookies
# and redirects to be kept from that, and a password from somebody's .netrc in the place of the token.
@lru_cache
def _made_adapter(ca_bundle: str | None) -> Adapter:
    return Adapter(ca_bundle)


class Transport:
    """Sends requests for one piece of work, and counts them.

    `before_request` is called before each request; what it raises stops the work. Redirects are not followed: a
    token must not travel to where an answer points.
    """

    def __init__(self, ca_bundle: str | None, before_request: Callable[[], None] = lambda: None) -> None:
        self._verify: str | bool = ca_bundle or True
        self._adapter = _adapter(ca_bundle)
        self._before_request = before_request
        self.requests = 0

    def send(self, method: str, url: str, **options: Any) -> Answer:
        """The whole answer, whatever its status but 429, and 503 with Retry-After, which raise `Throttled`.

        Raises `Unreachable` where none came in time, and `TlsFailed` where the certificate could not be verified.
        """
        self._before_request()
        self.requests += 1
        try:
            answer = self._answer(method, url, options)
        except MicrosoftError as error:
            note_failure(url, error)
            raise
        note_answer(url, answer.status_code, answer.request_id)
        obey_pace(answer)
        return answer

    def _answer(self, method: str, url: str, options: Mapping[str, Any]) -> Answer:
        began = False
        try:
            with self._adapter.send(
                _prepared(method, url, **options),
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                **_environment_of(url, self._verify),
            ) as response:
                began = True
                answer = Answer(response.status_code, response.headers, _read(response))
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
        return answer


def _prepared(
    method: str, url: str, headers: Mapping[str, str] | None = None, **options: Any
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.prepare(method, url, headers={**_HEADERS, **(headers or {})}, **options)
    return request


def _environment_of(url: str, verify: str | bool) -> Mapping[str, Any]:
    """What the environment says of proxies and authorities for the server of this address."""
    scheme, server, *_ = urlsplit(url)
    return _environment(f"{scheme}://{server}", verify)


# requests goes through all of the environment with each request; that of a process stays as it is.
@lru_cache
def _environment(server: str, verify: str | bool) -> Mapping[str, Any]:
    # The bundle is given to it, since REQUESTS_CA_BUNDLE in the environment overrides a session's.
    return requests.Session().merge_environment_settings(server, {}, True, verify, None)


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > ANSWER_BYTES:
            size = f"it is larger than {ANSWER_BYTES // 1024**2} MB"
            raise BadAnswer(size, request_id_in(response.headers))
    return bytes(body)


def obey_pace(answer: Answer) -> None:
    """Raise `Throttled` where an answer asks to wait: a 429, or an error of Microsoft's own that says how long.

    Source: Graph, "Microsoft Graph service-specific throttling limits", on `x-ms-throttle-scope`.
    """
    asked = answer.headers.get("Retry-After")
    # Mostly nothing is asked, and reading the date takes longer than all else here.
    seconds = retry_after(asked, answer.date) if asked is not None else None
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and seconds is not None):
        events.throttled(seconds)
        reason = "Microsoft asked to slow down."
        if seconds:
            reason = f"Microsoft asked to slow down, and to be asked again in {math.ceil(seconds):,} seconds."
        fix = "Try again after that. Syncs wait and take the tenant up again by themselves."
        scope = answer.headers.get("x-ms-throttle-scope", "").strip().lower()
        raise Throttled(
            Problem(reason, fix, f"HTTP {status}", answer.request_id, answer.date),
            seconds,
            is_of_app=scope.startswith("application/"),
        )


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
