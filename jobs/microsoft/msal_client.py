"""The HTTP client that msal is given, and what is remembered of where tenants sign in."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

from .errors import BadAnswer
from .explain import sign_in_refused, sign_in_unavailable
from .token_cache import TokenCache
from .transport import Answer, Transport

# What a request to the token endpoint holds that nobody may be shown, should the answer repeat it.
_SECRETS = ("client_secret", "client_assertion", "refresh_token", "code", "code_verifier")
# For so long another worker does not ask again where a tenant signs in.
_SHARED_SECONDS = 24 * 3600
# A whole number that an answer may hold is not nearly as long.
_LONGEST_NUMBER = 20


class MsalClient:
    """`Transport` for msal; its errors come through msal as they are.

    With a `cache` it finds the openid configurations that other workers have read.
    """

    def __init__(self, transport: Transport, cache: TokenCache | None = None) -> None:
        self._transport = transport
        self._cache = cache
        self._used: dict[str, Answer] = {}
        self._asked: set[str] = set()

    def get(self, url: str, params: Any = None, headers: Any = None, **options: Any) -> Answer:
        """A tenant's openid configuration, from memory where it was read before."""
        answer = configurations.get(url) or self._shared(url)
        if answer is None:
            self._asked.add(url)
            answer = self._ask("GET", url, params=params, headers=headers)
        self._used[url] = answer
        return answer

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **options: Any) -> Answer:
        return self._ask("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The transport belongs to the work, not to msal."""

    def remember(self) -> None:
        """Keep the configurations that were used. Call it once they are known to be some."""
        configurations.update(self._used)
        if self._cache is not None:
            for url in self._asked:
                self._cache.keep(_name(self._cache, url), {"content": self._used[url].text}, _SHARED_SECONDS)
        self._asked.clear()

    def forget(self) -> None:
        """Forget the configurations that were used: they may be what is wrong."""
        configurations.forget(self._used)
        if self._cache is not None and self._used:
            self._cache.forget(*(_name(self._cache, url) for url in self._used))

    def _shared(self, url: str) -> Answer | None:
        kept = self._cache.read(_name(self._cache, url)) if self._cache is not None else None
        content = kept.content.get("content") if kept is not None else None
        return Answer(HTTPStatus.OK, {}, content.encode()) if isinstance(content, str) else None

    def _ask(self, method: str, url: str, **options: Any) -> Answer:
        answer = self._transport.send(method, url, **options)
        if answer.status_code >= 500:
            raise sign_in_unavailable(answer.status_code, answer.date)
        content = _json(answer)
        if answer.status_code != 200 or content.get("error") is not None:
            raise sign_in_refused(_without(_secrets_in(options.get("data")), content), answer.date)
        if "error" not in content:
            return answer
        # It says that there is none, which msal would take for one.
        del content["error"]
        return replace(answer, content=json.dumps(content).encode())


def _name(cache: TokenCache, url: str) -> str:
    return cache.name("openid configuration", url)


def _secrets_in(data: Any) -> list[str]:
    values = [data.get(name) for name in _SECRETS] if isinstance(data, Mapping) else []
    return [value.decode() if isinstance(value, bytes) else value for value in values if value]


def _without(secrets: Iterable[str], content: dict[str, Any]) -> dict[str, Any]:
    """What a refusal says is shown to people, and whoever answers was sent the secrets."""
    # As they are, and as they are encoded: what was sent may be repeated as it was, or be quoted.
    encodings = (str, quote_plus, lambda text: quote(text, safe=""), lambda text: json.dumps(text)[1:-1])
    spelled = {encoded(secret) for secret in secrets for encoded in encodings}
    for secret in sorted(spelled, key=len, reverse=True):
        content = {
            key: value.replace(secret, "(the secret)") if isinstance(value, str) else value
            for key, value in content.items()
        }
    return content


def _json(answer: Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.content, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the sign-in's answer is not JSON") from error
    if not isinstance(content, dict):
        raise BadAnswer("the sign-in's answer is not a JSON object")
    return content


def _number(digits: str) -> int | float:
    # Python reads no whole number of thousands of digits, for which a refusal would be no JSON.
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


class Memory:
    """The openid configurations read by this process. They hold no secret and do not change; the oldest make room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str) -> Answer | None:
        with self._lock:
            return self._answers.get(url)

    def forget(self, urls: Iterable[str]) -> None:
        with self._lock:
            for url in urls:
                self._answers.pop(url, None)

    def update(self, answers: Mapping[str, Answer]) -> None:
        with self._lock:
            # Of the headers nothing is needed, and they take most of the memory.
            self._answers.update({url: Answer(HTTPStatus.OK, {}, answer.content) for url, answer in answers.items()})
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)


# Of other tenants, Redis knows them.
configurations = Memory(size=1_000)
