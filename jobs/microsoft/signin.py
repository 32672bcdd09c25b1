"""Signing in to a tenant as the app, with msal's client credentials.

Source: Entra, "Microsoft identity platform and the OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msal

from config import Settings
from webapp.models import Cloud

from .clouds import hosts
from .errors import BadAnswer, ServerFailed, SignInRefused
from .explain import sign_in_refused, sign_in_unavailable
from .transport import Answer, Transport


@dataclass(frozen=True)
class Credentials:
    """What signs in. `tenant` is the GUID or a domain of the tenant to sign in to."""

    cloud: Cloud
    tenant: str
    client_id: str
    client_secret: str = field(repr=False)


class SignIn:
    """A sign-in to one tenant: it holds the token for as long as the work on the tenant lasts."""

    def __init__(self, credentials: Credentials, settings: Settings, transport: Transport) -> None:
        """Find the tenant. Raises `SignInRefused` where it does not exist, and what `Transport.send` raises."""
        self._hosts = hosts(credentials.cloud, settings)
        authority = f"{self._hosts.login_url}/{credentials.tenant}"
        try:
            self._app = msal.ConfidentialClientApplication(
                credentials.client_id,
                client_credential=credentials.client_secret,
                authority=authority,
                # Asking login.microsoftonline.com whether the host may be trusted is for hosts that a user could
                # type; here it comes from the table of clouds or from this server's settings.
                instance_discovery=False,
                http_client=_MsalClient(transport),
            )
            self.tenant_id: str = self._app.authority.tenant.lower()
        except (ValueError, KeyError) as error:
            raise BadAnswer("the tenant's sign-in address could not be found in it") from error

    def token(self, renew: bool = False) -> str:
        """An access token for Graph; with `renew`, a new one. Raises `SignInRefused` with Microsoft's reason."""
        if renew:
            self._app.remove_tokens_for_client()
        answer = self._app.acquire_token_for_client(scopes=[self._hosts.scope])
        token = answer.get("access_token")
        if isinstance(token, str) and token:
            return token
        raise sign_in_refused(answer)


class _MsalClient:
    """The HTTP client that msal is given: `Transport`, whose errors come through msal as they are."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, url: str, params: Any = None, headers: Any = None, **options: Any) -> Answer:
        """A tenant's openid configuration, from memory where it was read before."""
        known = _configurations.get(url)
        if known is not None:
            return known
        answer = self._transport.send("GET", url, params=params, headers=headers)
        if answer.status_code == 200:
            _json(answer)
            _configurations.put(url, answer)
            return answer
        raise _refused(answer)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **options: Any) -> Answer:
        answer = self._transport.send("POST", url, params=params, data=data, headers=headers)
        if answer.status_code != 200:
            raise _refused(answer)
        _json(answer)
        return answer

    def close(self) -> None:
        """The transport belongs to the work, not to msal."""


def _refused(answer: Answer) -> SignInRefused | ServerFailed:
    if answer.status_code >= 500:
        return sign_in_unavailable(answer.status_code)
    return sign_in_refused(_json(answer))


def _json(answer: Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except ValueError as error:
        raise BadAnswer("the sign-in's answer is not JSON") from error
    if not isinstance(content, dict):
        raise BadAnswer("the sign-in's answer is not a JSON object")
    return content


class _Memory:
    """The openid configurations read by this process. They hold no secret and do not change; the oldest make room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str) -> Answer | None:
        with self._lock:
            return self._answers.get(url)

    def put(self, url: str, answer: Answer) -> None:
        with self._lock:
            self._answers[url] = answer
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)


_configurations = _Memory(size=10_000)
