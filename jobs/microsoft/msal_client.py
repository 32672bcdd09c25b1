"""The HTTP client that msal is given.

Source of the endpoints: Entra, "OpenID Connect on the Microsoft identity platform"
(https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, quote_plus

from .errors import BadAnswer, Throttled
from .explain import sign_in_refused, sign_in_unavailable
from .pace import Pace
from .transport import Answer, Transport

# Below a tenant's address, in each cloud.
_ENDPOINTS = {
    "authorization_endpoint": "/oauth2/v2.0/authorize",
    "token_endpoint": "/oauth2/v2.0/token",
}
# What a request to the token endpoint holds that nobody may be shown, should the answer repeat it.
_SECRETS = ("client_secret", "client_assertion", "refresh_token", "code", "code_verifier")
# A whole number that an answer may hold is not nearly as long.
_LONGEST_NUMBER = 20


class MsalClient:
    """`Transport` for msal; its errors come through msal as they are.

    Where there is a `pace`, nobody asks before a wait that it knows of is over, and it is told of others.

    `known` is the address of a tenant, without a closing slash, named by its GUID: where that signs in is not asked.
    """

    def __init__(self, transport: Transport, known: str = "", pace: Pace | None = None) -> None:
        self._transport = transport
        self._known = known
        self._pace = pace

    def get(self, url: str, params: Any = None, headers: Any = None, **options: Any) -> Answer:
        """A tenant's openid configuration, which msal begins with."""
        if self._known:
            endpoints = {name: f"{self._known}{path}" for name, path in _ENDPOINTS.items()}
            return Answer(HTTPStatus.OK, {}, json.dumps(endpoints).encode())
        return self._ask("GET", url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **options: Any) -> Answer:
        return self._ask("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The transport belongs to the work, not to msal."""

    def _ask(self, method: str, url: str, **options: Any) -> Answer:
        answer = self._sent(method, url, **options)
        if answer.status_code >= 500:
            raise sign_in_unavailable(answer.status_code, answer.date)
        content = _json(answer)
        if answer.status_code != 200 or content.get("error") is not None:
            raise sign_in_refused(_without(_secrets_in(options.get("data")), content), answer.date)
        # Where it says that there is none, msal would take that for one.
        content.pop("error", None)
        # As it was read here: what msal cannot read, as in another encoding, it logs, and a token is in it.
        return replace(answer, content=json.dumps(content).encode())

    def _sent(self, method: str, url: str, **options: Any) -> Answer:
        if self._pace is None:
            return self._transport.send(method, url, **options)
        self._pace.obey()
        try:
            return self._transport.send(method, url, **options)
        except Throttled as wait:
            self._pace.told(wait)
            raise


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
