"""An Administrator whose role is taken while they wait to change somebody's rights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from webapp.administration import users
from webapp.extensions import db
from webapp.models import Role, User


def take_role(user: User) -> None:
    users.set_role(db.session, user, Role.READ_ONLY)


def deactivate(user: User) -> None:
    users.deactivate(db.session, user)


@pytest.mark.parametrize(("take", "answer"), [(take_role, 403), (deactivate, 302)])
@pytest.mark.parametrize("button", ["deactivate", "delete", "link"])
def test_who_loses_the_role_while_they_wait_changes_nobody_any_more(
    app: Flask, make: Make, take: Callable[[User], None], answer: int, button: str
) -> None:
    need_many_writers()
    make.user()
    leaving, other = make.user(), make.user(role=Role.EDITOR)
    browser, address = signed_in(app, leaving), f"/account/users/{other.id}/{button}"
    db.session.rollback()
    held = users.hold(db.session, leaving.id)
    assert held is not None
    take(held)
    db.session.flush()
    with in_another_session(app, lambda: browser.post(address).status_code) as answered:
        wait_for_who_waits()
        db.session.commit()
    assert answered.result() == answer
    db.session.expire_all()
    assert db.session.get_one(User, other.id).is_active
