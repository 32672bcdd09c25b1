"""What lets a user in, and their being deactivated and reactivated."""

from __future__ import annotations

from tests.support.factories import Make
from webapp.administration import users
from webapp.extensions import db
from webapp.models import LinkPurpose, Role, UserLink, UserSession


def test_what_would_let_a_user_in_ends_as_they_are_deactivated_and_as_they_are_reactivated(make: Make) -> None:
    make.user()
    user = make.user(role=Role.EDITOR)

    def let_in() -> None:
        UserSession.open(db.session, user)
        UserLink.make(db.session, user, LinkPurpose.PASSWORD_RESET)
        db.session.commit()

    for change_state in (users.deactivate, users.reactivate):
        let_in()  # also while they are deactivated, by who was just at it
        assert change_state(db.session, user)
        db.session.commit()
        assert (db.session.query(UserSession).count(), db.session.query(UserLink).count()) == (0, 0)
