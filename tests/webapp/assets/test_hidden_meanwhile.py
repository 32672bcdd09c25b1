"""A record that is restricted while somebody, from whom that hides it, waits to change it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import opened
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from tests.webapp.assets.test_figures import disconnected, form
from webapp.extensions import db
from webapp.models import FlexibleAsset, License, Role

LICENSE, ASSET = ("/licenses/{}/edit", "/licenses/{}/figures"), ("edit", "security", "delete")


@pytest.mark.parametrize("address", [*LICENSE, *(f"/assets/{{}}/{what}" for what in ASSET)])
def test_what_is_hidden_while_somebody_waits_to_change_it_is_not_there_for_them(
    app: Flask, make: Make, address: str
) -> None:
    need_many_writers()
    record: License | FlexibleAsset = disconnected(make) if address in LICENSE else make.asset(name="One")
    address = address.format(record.id)
    editor = signed_in(app, make.user(role=Role.EDITOR))
    sent = {**opened(editor, address), **form(active=7), "name": "Another", "who": "everyone"}
    db.session.rollback()
    db.session.refresh(record, with_for_update=True)
    record.is_restricted = True
    db.session.flush()
    with in_another_session(app, lambda: editor.post(address, data=sent).status_code) as answered:
        wait_for_who_waits()
        db.session.commit()
    assert answered.result() == 404
    db.session.refresh(record)
    assert record.is_restricted
    if isinstance(record, License):
        assert record.active != 7
    else:
        assert record.name == "One"
