"""A partner's user signs in at Microsoft, so that an integration may act for them (the secure application model).

What the browser goes away with is kept in its signed session: for which integration and which user it was begun, when,
and sealed what the worker needs to redeem the answer (state, nonce, PKCE's verifier). It is taken out of the session
by the first answer that comes, whatever that is, so that none is taken twice; Microsoft takes a code only once, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from .. import audit
from ..extensions import db, vault
from ..models import REMOVED_MEANWHILE, AuditArea, Integration, IntegrationRemoved, Kind, Problem, utc_now
from ..text import one_line

# How long somebody may take at Microsoft, with a password, a second factor and consent.
LONGEST = timedelta(minutes=30)
# Microsoft's codes have some hundreds of characters, its descriptions of errors fewer.
_LONGEST_ANSWER = 8000
_PARTS_OF_ANSWER = ("code", "state", "client_info", "session_state", "error", "error_description", "error_uri")

BeginJob = Callable[[int, str], dict[str, Any]]
FinishJob = Callable[[str], dict[str, Any]]

NOT_BEGUN = Problem(
    "This sign-in was not begun in this browser, was answered already, or a later one was begun since. Nothing was "
    "saved.",
    "Open Actions > Edit Connection and choose Sign in as a partner user.",
    "state",
)
_TOO_LATE = Problem(
    "The sign-in took too long, so Microsoft's answer is not taken any more. Nothing was saved.",
    "Open Actions > Edit Connection and choose Sign in as a partner user again.",
    "expired",
)
_NO_PARTNER = Problem(
    "Only a partner integration acts for a user. Nothing was saved.",
    "Use Edit Connection of the partner integration.",
    "not_partner",
)
_MEANWHILE = Problem(
    "The connection was changed while the sign-in was under way. Nothing was saved.",
    "Sign in again.",
    "changed_meanwhile",
)


class SignInFailed(Exception):
    """A sign-in that could not be begun or was not taken; nothing was saved."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


@dataclass(frozen=True)
class Begun:
    """A sign-in that is under way, as the session keeps it."""

    integration_id: int
    user_id: int
    at: str
    flow: str

    @classmethod
    def kept(cls, value: Any) -> Self:
        """As the session had it. Raises `SignInFailed` where it had none."""
        if not isinstance(value, Mapping):
            raise SignInFailed(NOT_BEGUN)
        return cls(**value)

    def as_kept(self) -> dict[str, Any]:
        return asdict(self)


def begin(ask: BeginJob, integration_id: int, user_id: int, redirect_uri: str, now: datetime) -> tuple[str, Begun]:
    """Microsoft's address to send the browser to, and what to keep until it comes back. Raises `SignInFailed`."""
    db.session.rollback()  # no transaction is held while Microsoft is asked
    answer = ask(integration_id, redirect_uri)
    if not answer["ok"]:
        raise SignInFailed(Problem(**answer["problem"]))
    return answer["address"], Begun(integration_id, user_id, now.isoformat(), answer["flow"])


def finish(ask: FinishJob, begun: Begun, user_id: int, answered: Mapping[str, str], now: datetime) -> Integration:
    """Redeem Microsoft's answer and let the integration act for who signed in. Raises `SignInFailed`.

    Call it with `declare_writing`, since Microsoft sends the browser back by GET.
    """
    if begun.user_id != user_id:
        raise SignInFailed(NOT_BEGUN)
    if now - datetime.fromisoformat(begun.at) > LONGEST:
        raise SignInFailed(_TOO_LATE)
    given = {"integration_id": begun.integration_id, "flow": begun.flow, "response": _bounded(answered)}
    sealed = vault.encrypt(json.dumps(given))
    db.session.rollback()  # no transaction is held while Microsoft is asked
    answer = ask(sealed)
    if not answer["ok"]:
        raise SignInFailed(Problem(**answer["problem"]))
    return _store(begun.integration_id, json.loads(vault.decrypt(answer["signed_in"])))


def forget(integration: Integration) -> None:
    """Act as the app itself again, and forget the user's refresh token."""
    user = integration.signed_in_as
    integration.act_for_nobody()
    audit.record(
        AuditArea.INTEGRATIONS,
        f"{integration.name} no longer acts for a partner user",
        integration_id=integration.id,
        user=user,
    )
    db.session.commit()


def _bounded(answered: Mapping[str, str]) -> dict[str, str]:
    return {name: answered[name][:_LONGEST_ANSWER] for name in _PARTS_OF_ANSWER if name in answered}


def _store(integration_id: int, signed_in: Mapping[str, str]) -> Integration:
    try:
        integration = Integration.live(db.session, integration_id, to_change=True)
    except IntegrationRemoved as error:
        raise SignInFailed(REMOVED_MEANWHILE) from error
    if integration.kind != Kind.PARTNER:
        raise SignInFailed(_NO_PARTNER)
    if signed_in["client_id"] != integration.client_id:
        raise SignInFailed(_MEANWHILE)
    if signed_in["tenant_id"] != integration.home_tenant_id:
        raise SignInFailed(_of_another_tenant(signed_in, integration))
    user = one_line(signed_in["user"]) or "a user without a name"
    integration.act_for(user, signed_in["refresh_token"], utc_now())
    audit.record(
        AuditArea.INTEGRATIONS,
        f"{integration.name} acts for {user}, who signed in at Microsoft",
        integration_id=integration_id,
        user=user,
    )
    db.session.commit()
    return integration


def _of_another_tenant(signed_in: Mapping[str, str], integration: Integration) -> Problem:
    user, tenant = one_line(signed_in["user"]), one_line(signed_in["tenant_id"])
    return Problem(
        f"{user} signed in to the tenant {tenant}, and this integration's is {integration.home_tenant_id}. Nothing was "
        "saved.",
        "Sign in as a user of the partner's own tenant.",
        "another_tenant",
    )
