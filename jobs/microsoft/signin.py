"""Signing in to a tenant: as the app, with msal's client credentials, or for a partner's user, with a refresh token.

Sources: Entra, "Microsoft identity platform and the OAuth 2.0 client credentials flow", "Microsoft identity platform
application authentication certificate credentials", "Refresh tokens in the Microsoft identity platform"; Partner
Center, "Secure Application Model framework" (https://learn.microsoft.com/partner-center/developer/
secure-sample-application): a refresh token of the partner's user, issued by the partner's tenant, is redeemed at each
customer's tenant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

import msal

from config import Settings
from webapp.models import Cloud

from .clouds import hosts
from .errors import BadAnswer, SignInRefused
from .facts import guid_of
from .msal_client import MsalClient
from .pace import Pace
from .token_cache import TokenCache
from .transport import Transport

# What msal raises where an answer is JSON, but not the JSON that it expects.
MISREAD = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, OverflowError)

# How often a refresh token that was refused is replaced by one that somebody else has stored meanwhile.
_REPLACEMENTS = 5
# A token is renewed so long before its end; one that does not last twice as long, at half of its life.
_MARGIN_SECONDS = 300
# No access token lasts longer (Entra, "Continuous access evaluation": up to 28 hours), whatever an answer says.
_LONGEST_SECONDS = 28 * 3600


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

    With `shared_as`, the name of this sign-in (the app's own, or one that a user made), its access tokens serve all
    workers, and whoever signs in by it may find that somebody has done so; and a tenant that is named by its GUID is
    taken for one, of which the token's refusal would tell otherwise. Without, Microsoft is really asked for both.
    """

    cloud: Cloud
    tenant: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    user: RefreshTokens | None = field(default=None, repr=False)
    shared_as: str = ""

    def for_msal(self) -> str | dict[str, str]:
        """What proves to be the app, as msal wants it. From the certificate it takes the SHA-256 thumbprint."""
        if not self.certificate:
            return self.client_secret
        return {"private_key": self.certificate, "public_certificate": self.certificate}


class SignIn:
    """A sign-in to one tenant: it holds the token for as long as the work on the tenant lasts.

    Where the credentials allow it, it begins with the token that another worker or an earlier job was given, and then
    asks nothing of Microsoft until that token's end. One thread uses it.
    """

    def __init__(
        self, credentials: Credentials, settings: Settings, transport: Transport, pace: Pace | None = None
    ) -> None:
        """Find the tenant, where it is not known, at this pace. Raises `SignInRefused` where it does not exist, and
        what `Transport.send` raises.
        """
        self._credentials = credentials
        # Whether the app signs in for a user, and not as itself.
        self.acts_for_user = credentials.user is not None
        self._hosts = hosts(credentials.cloud, settings)
        self._cache = TokenCache(settings) if credentials.shared_as else None
        self._name = self._name_in(self._cache) if self._cache else ""
        self._sealed: bytes | None = None
        guid = guid_of(credentials.tenant)
        self._address = f"{self._hosts.login_url}/{guid or credentials.tenant}"
        known = self._address if guid and credentials.shared_as else ""
        self._client = MsalClient(transport, known, pace)
        self._application: msal.ConfidentialClientApplication | None = None
        self._token, self._renew_at = "", 0.0
        # Whether the token was given for earlier work: permissions that were granted since are not in it.
        self.is_taken_over = False
        self.tenant_id = ""
        if not self._take_over():
            self._application = self._find()

    @property
    def scope(self) -> str:
        return self._hosts.scope

    @property
    def application(self) -> msal.ConfidentialClientApplication:
        """msal's application at the tenant, made when it is needed: that reads the certificate. Raises as above."""
        if self._application is None:
            self._application = self._find()
        return self._application

    def token(self) -> str:
        """An access token for Graph, the same while it lasts. Raises `SignInRefused` with Microsoft's reason."""
        if time.monotonic() >= self._renew_at:
            self._ask_for_token()
        return self._token

    def renew(self) -> str:
        """A new access token, which `token` then returns; the old one is not used by anybody any more. Raises alike."""
        if self._cache is not None and self._sealed is not None:
            self._cache.forget_if(self._name, self._sealed)
        self._renew_at = 0.0
        self.application.remove_tokens_for_client()
        return self.token()

    def _name_in(self, cache: TokenCache) -> str:
        """The name of the token in the cache: whatever else signs in has another one."""
        given = self._credentials
        who = (given.client_id.lower(), given.client_secret, given.certificate, given.shared_as)
        return cache.name("access token", self._hosts.login_url, self.scope, given.tenant.lower(), *who)

    def _take_over(self) -> bool:
        """Use the token that is kept for all workers. False where there is none."""
        kept = self._cache.read(self._name) if self._cache is not None else None
        if kept is None:
            return False
        token, tenant_id = kept.content.get("token"), kept.content.get("tenant_id")
        if not (_is_token(token) and isinstance(tenant_id, str)):
            return False
        self._token, self.tenant_id, self._sealed = token, tenant_id, kept.sealed
        self._renew_at = time.monotonic() + kept.seconds
        self.is_taken_over = True
        return True

    def _find(self) -> msal.ConfidentialClientApplication:
        try:
            application = msal.ConfidentialClientApplication(
                self._credentials.client_id,
                client_credential=self._credentials.for_msal(),
                authority=self._address,
                # Asking login.microsoftonline.com whether the host may be trusted is for hosts that a user could
                # type; here it comes from the table of clouds or from this server's settings.
                instance_discovery=False,
                http_client=self._client,
            )
            self.tenant_id = application.authority.tenant.lower()
        except MISREAD as error:
            raise BadAnswer("the tenant's sign-in address could not be found in it") from error
        return application

    def _ask_for_token(self) -> None:
        application, user = self.application, self._credentials.user
        if user is None:
            answer = self._ask(lambda: application.acquire_token_for_client(scopes=[self.scope]))
        else:
            answer = self._redeem(user)
        self._token, lasts = access_token(answer), _life(answer)
        self.is_taken_over = False
        self._renew_at = time.monotonic() + lasts - min(_MARGIN_SECONDS, lasts / 2)
        if self._cache is not None:
            content = {"token": self._token, "tenant_id": self.tenant_id}
            self._sealed = self._cache.keep(self._name, content, lasts - _MARGIN_SECONDS)

    def _redeem(self, user: RefreshTokens) -> dict[str, Any]:
        """The answer with an access token for what the user may do in this tenant; the new refresh token is kept."""
        for replacements in range(_REPLACEMENTS + 1):
            used = user.current()
            try:
                answer = self._ask(lambda token=used: self._redeemed(token))  # type: ignore[misc]
                break
            except SignInRefused as refused:
                if not refused.needs_person or user.refused(used) or replacements == _REPLACEMENTS:
                    raise
        access_token(answer)
        new = answer.get("refresh_token")
        if isinstance(new, str) and new:
            user.renewed(used, new)
        return answer

    def _redeemed(self, refresh_token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.application.acquire_token_by_refresh_token(refresh_token, scopes=[self.scope])
        return answer

    def _ask(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask()
        except MISREAD as error:
            raise BadAnswer("the sign-in's answer holds no token that can be used") from error


def access_token(answer: Mapping[str, Any]) -> str:
    """The token in an answer; it becomes a header, and a line break in it would begin another."""
    token = answer.get("access_token")
    if _is_token(token):
        return token
    raise BadAnswer("the sign-in's answer holds no token")


def _is_token(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""


def _life(answer: Mapping[str, Any]) -> int:
    """For how many seconds the token in an answer is good; 0 where that is not said."""
    try:
        return min(max(0, int(answer.get("expires_in") or 0)), _LONGEST_SECONDS)
    except (TypeError, ValueError, OverflowError):
        return 0
