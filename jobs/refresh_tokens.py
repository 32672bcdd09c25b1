"""The refresh token of a partner's user, as many workers use and renew it at the same time.

Microsoft gives a new one with each use. Each transaction here is one conditional write: what is kept is replaced only
where it still is what was used, so that nobody overwrites what another worker, or somebody who has just signed in,
has stored meanwhile. No lock is held while Microsoft is asked. The token is compared as it is stored, encrypted: each
encryption of it is another text.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select, update

from webapp.extensions import UnreadableSecret, db, vault
from webapp.models import Integration, Problem, utc_now
from webapp.models.statements import UNSYNCHRONIZED

from .microsoft.errors import SignInRefused

NOBODY = Problem(
    "Nobody is signed in as a partner user any more, and this integration acts for one.",
    "Open Actions > Edit Connection and choose Sign in as a partner user.",
    "sign_in_again",
)
UNREADABLE = Problem(
    "The stored sign-in of the partner user cannot be read: its encryption key is not among ENCRYPTION_KEYS any more.",
    "Put the key back into ENCRYPTION_KEYS, or sign in again under Actions > Edit Connection.",
    "unreadable_secret",
)


class StoredRefreshTokens:
    """The refresh token of one integration. Call its methods with no transaction open: each ends its own."""

    def __init__(self, integration_id: int) -> None:
        self._integration_id = integration_id
        self._stored: dict[str, str] = {}

    def current(self) -> str:
        """The token that is stored. Raises `SignInRefused` where there is none that can be read."""
        query = select(Integration.refresh_token_encrypted).where(
            Integration.id == self._integration_id, Integration.is_live, Integration.acts_for_user
        )
        encrypted = db.session.scalar(query)
        db.session.rollback()
        if not encrypted:
            raise SignInRefused(NOBODY, needs_person=True)
        try:
            token = vault.decrypt(encrypted)
        except UnreadableSecret as error:
            raise SignInRefused(UNREADABLE) from error
        self._stored[token] = encrypted
        return token

    def renewed(self, used: str, new: str) -> None:
        """Store the new one where the used one is stored still."""
        statement = update(Integration).where(self._is_stored(used)).values(refresh_token_encrypted=vault.encrypt(new))
        db.session.execute(statement, execution_options=UNSYNCHRONIZED)
        db.session.commit()

    def refused(self, used: str) -> bool:
        """Note since when the used one is not taken any more. False where another one is stored by now."""
        if used not in self._stored:
            return True
        first = update(Integration).where(self._is_stored(used), Integration.sign_in_lapsed_at.is_(None))
        db.session.execute(first.values(sign_in_lapsed_at=utc_now()), execution_options=UNSYNCHRONIZED)
        db.session.commit()
        is_stored = db.session.scalar(select(Integration.id).where(self._is_stored(used))) is not None
        db.session.rollback()
        return is_stored

    def _is_stored(self, token: str) -> ColumnElement[bool]:
        return and_(
            Integration.id == self._integration_id,
            Integration.is_live,
            Integration.acts_for_user,
            Integration.refresh_token_encrypted == self._stored[token],
        )
