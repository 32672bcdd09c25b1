"""HTTP to Microsoft: pooled connections, verified TLS, deadlines, bounded answers, every request counted."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, RemoteDisconnected
from typing import Any
from urllib.parse import urlencode, urlsplit

from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TimeoutOfUrllib3
from urllib3.util import make_headers

from webapp.metrics import events
from webapp.models import Problem

from .connections import CONNECT_SECONDS, manager_for
from .errors import BadAnswer, BrokenOff, MicrosoftError, Throttled, TimedOut, TlsFailed, Unreachable
from .noting import note_answer, note_failure
from .retry_after import http_date, retry_after
from .shortage import shortage_in
from .unpacking import NAMES, PACKING, unpacked

# How long an answer may stay silent; how long it may take in all, its connection knows.
SILENCE_SECONDS = 30
# The largest documented answer here, a page of SKUs with their service plans, is well under a megabyte.
ANSWER_BYTES = 32 * 1024 * 1024

_SOME_BYTES = 64 * 1024
_REQUEST_ID = re.compile("[0-9A-Fa-f-]{1,64}")
_HEADERS = {**make_headers(accept_encoding=PACKING, user_agent="Seatledger"), "Accept": "*/*"}


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


class Transport:
    """Sends requests for one piece of work, and counts them.

    `before_request` is called before each request; what it raises stops the work. Redirects are not followed: a
    token must not travel to where an answer points.
    """

    def __init__(self, ca_bundle: str | None, before_request: Callable[[], None] = lambda: None) -> None:
        self._ca_bundle = ca_bundle
        self._before_request = before_request
        self.requests = 0

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | bytes | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The whole answer, whatever its status but 429, and 503 with Retry-After, which raise `Throttled`.

        `data` is the body, or the fields of a form; `params` is added to the query.

        Raises `Unreachable` where none came in time, and `TlsFailed` where the certificate could not be verified.
        """
        self._before_request()
        self.requests += 1
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{_form(params)}"
        named = {**_HEADERS, **(headers or {})}
        if isinstance(data, Mapping):
            data, named = _form(data).encode(), {"Content-Type": "application/x-www-form-urlencoded", **named}
        try:
            answer = self._answer(method, url, named, data)
        except MicrosoftError as error:
            note_failure(url, error)
            raise
        note_answer(url, answer.status_code, answer.request_id)
        obey_pace(answer)
        return answer

    # By urllib3 itself, as `requests` would: what that adds takes as long as all the rest of a request, and some of it
    # must not be, as cookies that go from one tenant to the next, or a password from .netrc in the place of the token.
    def _answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        began = False
        scheme, server, *_ = urlsplit(url)
        try:
            response = manager_for(f"{scheme}://{server}", self._ca_bundle).urlopen(
                method,
                url,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS),
            )
            began = True
            with _ended(response):
                return Answer(response.status, CaseInsensitiveDict(response.headers), _read(response))
        except (RequestException, HTTPError) as error:
            raise _failure(error, url, began) from error


def _form(fields: Mapping[str, Any]) -> str:
    return urlencode({name: value for name, value in fields.items() if value is not None}, doseq=True)


@contextmanager
def _ended(response: BaseHTTPResponse) -> Iterator[None]:
    """Afterwards its connection is free for the next request; closed where the answer was not read to its end."""
    try:
        yield
    finally:
        response.close()
        response.release_conn()


def _read(response: BaseHTTPResponse) -> bytes:
    # A little after the other: so no chunk is believed to be as long as it says, and what takes long to unpack takes no
    # time that the connection's deadline does not see.
    came = iter(partial(response.read1, _SOME_BYTES, decode_content=False), b"")
    is_packed = response.headers.get("Content-Encoding", "").strip().lower() in NAMES
    body = bytearray()
    for some in unpacked(came, _SOME_BYTES) if is_packed else came:
        body += some
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


def _failure(error: RequestException | HTTPError, url: str, began: bool) -> MicrosoftError:
    """Why there is no answer, or, where one `began`, not the whole of it."""
    causes = list(_causes(error))
    # Within the error, where it is a proxy to which there is none.
    has_no_connection = any(isinstance(one, NewConnectionError | ConnectTimeoutError) for one in causes)
    # That no connection could be made counts as such a timeout for urllib3.
    if isinstance(error, TimeoutOfUrllib3) and not isinstance(error, NewConnectionError):
        return _unreachable(TimedOut, url, "did not answer in time", has_no_connection)
    if shortage := shortage_in(error):
        return shortage
    if not any(map(_breaks_off, causes)) and any(isinstance(one, ssl.SSLError | SSLError) for one in causes):
        return _tls_failed(url)
    is_no_http = any(isinstance(one, HTTPException) and not isinstance(one, RemoteDisconnected) for one in causes)
    if began or is_no_http:
        return _broken_off(url)
    return _unreachable(Unreachable, url, "cannot be reached", has_no_connection)


def _breaks_off(error: BaseException) -> bool:
    """Whether a connection broke while TLS was spoken, or the other side ended it: that says nothing of certificates.

    A server that is overloaded may end it so, too, with an alert.
    """
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return True
    reason = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in reason or "BAD_RECORD_MAC" in reason


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it is about: urllib3 passes that on as an argument, not as a cause."""
    while error is not None:
        yield error
        error = next((value for value in error.args if isinstance(value, BaseException)), None)


def _broken_off(url: str) -> BrokenOff:
    host = urlsplit(url).netloc
    return BrokenOff(
        Problem(
            f"The answer of {host} broke off or could not be decoded.",
            "This usually passes: try again later. If it stays, check whether a proxy or firewall changes answers.",
            "broken_answer",
        )
    )


def _unreachable(kind: type[Unreachable], url: str, what: str, has_no_connection: bool) -> Unreachable:
    host = urlsplit(url).netloc
    error = kind(
        Problem(
            f"{host} {what}.",
            f"Check this server's network, name resolution, proxy and firewall: it must reach https://{host}.",
            "no_answer",
        )
    )
    error.has_no_connection = has_no_connection
    return error


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
