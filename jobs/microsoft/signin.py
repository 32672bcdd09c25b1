"""Signing in to a tenant: as the app, with msal's client credentials, or for a partner's user, with a refresh token.

Sources: Entra, "Microsoft identity platform and the OAuth 2.0 client credentials flow", "Microsoft identity platform
application authentication certificate credentials", "Refresh tokens in the Microsoft identity platform"; Partner
Center, "Secure Application Model framework" (https://learn.microsoft.com/partner-center/developer/
secure-sample-application): a refresh token of the partner's user, issued by the partner's tenant, is redeemed at each
customer's tenant.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

import msal

from config import Settings
from webapp.models import Cloud

from .clouds import hosts
from .errors import BadAnswer, MicrosoftError, SignInRefused
from .explain import sign_in_refused, sign_in_unavailable
from .transport import Answer, Transport

# What msal raises where an answer is JSON, but not the JSON that it expects.
MISREAD = (ValueError, KeyError, TypeError, AttributeError, RuntimeError)

# What a request to the token endpoint holds that nobody may be shown, should the answer repeat it.
_SECRETS = ("client_secret", "client_assertion", "refresh_token", "code", "code_verifier")
# How often a refresh token that was refused is replaced by one that somebody else has stored meanwhile.
_REPLACEMENTS = 5
# A token is renewed so long before its end.
_MARGIN_SECONDS = 300


class RefreshTokens(Protocol):
    """The refresh token of the user whom an app acts for, which many workers use and renew at the same time."""

    def current(self) -> str:
        """The one to use now. Raises `SignInRefused` where there is none: somebody has to sign in."""

    def renewed(self, used: str, new: str) -> None:
        """Keep the new one, unless another than the used one is kept already."""

    def refused(self, used: str) -> bool:
        """Note that Microsoft does not take it any more. False where another one is kept by now: that may do."""


@dataclass(frozen=True)
class Credentials:
    """What signs in. `tenant` is the GUID or a domain of the tenant to sign in to.

    The app is known by `certificate`, its private key and certificate as PEM, or else by `client_secret`. With `user`
    it acts for that user, and else as itself.
    """

    cloud: Cloud
    tenant: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    user: RefreshTokens | None = field(default=None, repr=False)

    def for_msal(self) -> str | dict[str, str]:
        """What proves to be the app, as msal wants it. From the certificate it takes the SHA-256 thumbprint."""
        if not self.certificate:
            return self.client_secret
        return {"private_key": self.certificate, "public_certificate": self.certificate}


class SignIn:
    """A sign-in to one tenant: it holds the token for as long as the work on the tenant lasts."""

    def __init__(self, credentials: Credentials, settings: Settings, transport: Transport) -> None:
        """Find the tenant. Raises `SignInRefused` where it does not exist, and what `Transport.send` raises."""
        self._hosts = hosts(credentials.cloud, settings)
        authority = f"{self._hosts.login_url}/{credentials.tenant}"
        self._client = client = _MsalClient(transport)
        self._user = credentials.user
        self._users_token, self._renew_at = "", 0.0
        try:
            self.application = msal.ConfidentialClientApplication(
                credentials.client_id,
                client_credential=credentials.for_msal(),
                authority=authority,
                # Asking login.microsoftonline.com whether the host may be trusted is for hosts that a user could
                # type; here it comes from the table of clouds or from this server's settings.
                instance_discovery=False,
                http_client=client,
            )
            self.tenant_id: str = self.application.authority.tenant.lower()
        except MISREAD as error:
            raise BadAnswer("the tenant's sign-in address could not be found in it") from error
        # Only now is it known to be one: a wrong answer must not be remembered.
        _configurations.update(client.configurations)

    @property
    def scope(self) -> str:
        return self._hosts.scope

    def token(self) -> str:
        """An access token for Graph, the same while it lasts. Raises `SignInRefused` with Microsoft's reason."""
        if self._user is not None:
            if time.monotonic() >= self._renew_at:
                self._users_token, self._renew_at = self._redeem(self._user)
            return self._users_token
        return access_token(self._ask(lambda: self.application.acquire_token_for_client(scopes=[self.scope])))

    def renew(self) -> str:
        """A new access token, which `token` then returns. Raises as it does."""
        self._renew_at = 0.0
        self.application.remove_tokens_for_client()
        return self.token()

    def _redeem(self, user: RefreshTokens) -> tuple[str, float]:
        """An access token for what the user may do in this tenant, and when to renew it; the refresh token is kept."""
        for replacements in range(_REPLACEMENTS + 1):
            used = user.current()
            try:
                answer = self._ask(lambda token=used: self._redeemed(token))  # type: ignore[misc]
                break
            except SignInRefused as refused:
                if not refused.needs_person or user.refused(used) or replacements == _REPLACEMENTS:
                    raise
        token, new = access_token(answer), answer.get("refresh_token")
        if isinstance(new, str) and new:
            user.renewed(used, new)
        lasts = answer.get("expires_in")
        return token, time.monotonic() + max(0, (lasts if isinstance(lasts, int) else 0) - _MARGIN_SECONDS)

    def _redeemed(self, refresh_token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.application.acquire_token_by_refresh_token(refresh_token, scopes=[self.scope])
        return answer

    def _ask(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask()
        except MISREAD as error:
            raise BadAnswer("the sign-in's answer holds no token that can be used") from error
        except MicrosoftError:
            # What was remembered of the tenant may be what is wrong.
            _configurations.forget(self._client.configurations)
            raise


def access_token(answer: Mapping[str, Any]) -> str:
    """The token in an answer; it becomes a header, and a line break in it would begin another."""
    token = answer.get("access_token")
    if isinstance(token, str) and token.isascii() and token.isprintable() and token:
        return token
    raise BadAnswer("the sign-in's answer holds no token")


class _MsalClient:
    """The HTTP client that msal is given: `Transport`, whose errors come through msal as they are."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
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
        # Whoever answers was sent secrets, and what a refusal says is shown to people.
        content = _without(_secrets_in(options.get("data")), _json(answer))
        if answer.status_code != 200 or "error" in content:
            raise sign_in_refused(content, answer.date)
        return answer


def _secrets_in(data: Any) -> list[str]:
    values = [data.get(name) for name in _SECRETS] if isinstance(data, Mapping) else []
    return [value.decode() if isinstance(value, bytes) else value for value in values if value]


def _without(secrets: Iterable[str], content: dict[str, Any]) -> dict[str, Any]:
    for secret in secrets:
        content = {
            key: value.replace(secret, "(the secret)") if isinstance(value, str) else value
            for key, value in content.items()
        }
    return content


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
