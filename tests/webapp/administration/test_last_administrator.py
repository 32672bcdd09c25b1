"""The last Administrator who can sign in stays one, whoever tries what, also two at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import opened
from tests.support.together import at_once
from webapp.administration import users
from webapp.administration.refused import LAST_ADMINISTRATOR, Refused
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import Role, User, utc_now

Action = Callable[[User], object]

ACTIONS: dict[str, Action] = {
    "demote": lambda user: users.set_role(db.session, user, Role.MANAGER),
    "deactivate": lambda user: users.deactivate(db.session, user),
    "delete": lambda user: users.remove(db.session, user),
}


def held(user_id: int) -> User:
    user = users.hold(db.session, user_id)
    assert user is not None
    return user


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_nothing_takes_the_last_one_away(make: Make, action: Action) -> None:
    last = make.user()
    make.user(deactivated_at=utc_now())
    make.invited_user(role=Role.ADMINISTRATOR)
    make.user(role=Role.MANAGER)
    with pytest.raises(Refused, match="last Administrator"):
        action(held(last.id))


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_with_a_second_one_it_is_done(make: Make, action: Action) -> None:
    user = make.user()
    make.user()
    action(held(user.id))
    db.session.commit()
    assert db.session.query(User).where(User.role == Role.ADMINISTRATOR, User.is_active).count() == 1


def test_of_two_who_demote_each_other_at_once_one_is_refused(app: Flask, make: Make) -> None:
    ada, bob = make.user(), make.user()
    ids = {ada: bob.id, bob: ada.id}
    browsers = {user.id: signed_in(app, user) for user in ids}
    began = {user.id: opened(browsers[user.id], f"/account/users/{other}") for user, other in ids.items()}

    def demote(by: int, whom: int) -> int:
        form = {"role": "editor", "which": "all"}
        return browsers[by].post(f"/account/users/{whom}", data=form | began[by]).status_code

    pairs = [(ada.id, bob.id), (bob.id, ada.id)]
    answers = at_once(*(lambda pair=pair: demote(*pair) for pair in pairs))
    db.session.rollback()
    # Who comes second is no Administrator any more, or is told that it would be the last.
    assert sorted(answers)[0] == 302
    assert sorted(answers)[1] in {403, 422}
    assert db.session.query(User).where(User.role == Role.ADMINISTRATOR, User.is_active).count() == 1


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_of_two_that_go_at_once_one_stays(app: Flask, make: Make, action: Action) -> None:
    ids = [make.user().id, make.user().id]

    def act(user_id: int) -> bool:
        with app.app_context():
            declare_writing()
            try:
                action(held(user_id))
            except Refused:
                return False
            db.session.commit()
            return True

    db.session.rollback()
    assert sorted(at_once(*(lambda user_id=user_id: act(user_id) for user_id in ids))) == [False, True]
    assert db.session.query(User).where(User.role == Role.ADMINISTRATOR, User.is_active).count() == 1


@pytest.mark.parametrize("command", [["set-role", "--role", "editor"], ["deactivate"]])
def test_commands_do_not_either(run_command: FlaskCliRunner, make: Make, command: list[str]) -> None:
    user = make.user(email="ada@msp.example")
    result = run_command.invoke(args=["users", *command, "ada@msp.example"])
    assert result.exit_code == 1
    assert LAST_ADMINISTRATOR in result.output
    assert db.session.get_one(User, user.id).is_active
