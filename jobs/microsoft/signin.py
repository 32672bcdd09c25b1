"""Signing in to a tenant as the app, with msal's client credentials.

Source: Entra, "Microsoft identity platform and the OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msal

from config import Settings
from webapp.models import Cloud

from .clouds import hosts
from .errors import BadAnswer, MicrosoftError
from .explain import sign_in_refused, sign_in_unavailable
from .transport import Answer, Transport

# What msal raises where an answer is JSON, but not the JSON that it expects.
_MISREAD = (ValueError, KeyError, TypeError, AttributeError)


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
        self._client = client = _MsalClient(transport, credentials.client_secret)
        try:
            self._app = msal.ConfidentialClientApplication(
                credentials.client_id,
                client_credential=credentials.client_secret,
                authority=authority,
                # Asking login.microsoftonline.com whether the host may be trusted is for hosts that a user could
                # type; here it comes from the table of clouds or from this server's settings.
                instance_discovery=False,
                http_client=client,
            )
            self.tenant_id: str = self._app.authority.tenant.lower()
        except _MISREAD as error:
            raise BadAnswer("the tenant's sign-in address could not be found in it") from error
        # Only now is it known to be one: a wrong answer must not be remembered.
        _configurations.update(client.configurations)

    def token(self) -> str:
        """An access token for Graph, the same while it lasts. Raises `SignInRefused` with Microsoft's reason."""
        try:
            answer = self._app.acquire_token_for_client(scopes=[self._hosts.scope])
        except _MISREAD as error:
            raise BadAnswer("the sign-in's answer holds no token that can be used") from error
        except MicrosoftError:
            # What was remembered of the tenant may be what is wrong.
            _configurations.forget(self._client.configurations)
            raise
        token = answer.get("access_token")
        # It becomes a header: a line break in it would begin another.
        if isinstance(token, str) and token.isascii() and token.isprintable() and token:
            return token
        raise BadAnswer("the sign-in's answer holds no token")

    def renew(self) -> str:
        """A new access token, which `token` then returns. Raises as it does."""
        self._app.remove_tokens_for_client()
        return self.token()


class _MsalClient:
    """The HTTP client that msal is given: `Transport`, whose errors come through msal as they are."""

    def __init__(self, transport: Transport, secret: str) -> None:
        self._transport = transport
        self._secret = secret
        self.configurations: dict[str, Answer] = {}

    def get(self, url: str, params: Any = None, headers: Any = None, **options: Any) -> Answer:
        """A tenant's openid configuration, from memory where it was read before."""
        answer = _configurations.get(url) or self._ask("GET", url, params=params, headers=headers)
        self.configurations[url] = answer
        return answer

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **options: Any) -> Answer:
        return self._ask("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The transport belongs to the work, not to msal."""

    def _ask(self, method: str, url: str, **options: Any) -> Answer:
        answer = self._transport.send(method, url, **options)
        if answer.status_code >= 500:
            raise sign_in_unavailable(answer.status_code, answer.date)
        # Whoever answers was sent the secret, and what a refusal says is shown to people.
        content = _without(self._secret, _json(answer))
        if answer.status_code != 200 or "error" in content:
            raise sign_in_refused(content, answer.date)
        return answer


def _without(secret: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.replace(secret, "(the secret)") if isinstance(value, str) and secret else value
        for key, value in content.items()
    }


def _json(answer: Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
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

    def forget(self, urls: Iterable[str]) -> None:
        with self._lock:
            for url in urls:
                self._answers.pop(url, None)

    def update(self, answers: dict[str, Answer]) -> None:
        with self._lock:
            self._answers.update(answers)
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)


_configurations = _Memory(size=10_000)
