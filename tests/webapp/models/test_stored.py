"""What a newer version stored and this one does not know: pages show it, and nothing is done with it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Cloud, PartState, Removal, Role, RunState, Trigger, User
from webapp.models.base import Stored


def store(table: str, column: str, row_id: int, value: str = "of-a-newer-version") -> None:
    db.session.execute(text(f"UPDATE {table} SET {column} = :value WHERE id = :id"), {"value": value, "id": row_id})
    db.session.commit()
    db.session.expire_all()


@pytest.mark.parametrize("members", [Cloud, PartState, Removal, Role, RunState, Trigger])
def test_an_unknown_member_is_no_other_and_is_none_of_those_to_choose_from(members: type[Stored]) -> None:
    unknown = members.of("of-a-newer-version")
    assert not unknown.is_known
    assert all(member.is_known and member != unknown for member in members)
    assert members.of(next(iter(members)).value).is_known
    with pytest.raises(ValueError, match="of-a-newer-version"):
        members("of-a-newer-version")


def test_a_row_that_is_changed_keeps_what_is_not_known_in_it(make: Make) -> None:
    user = make.user(email="ada@msp.example")
    store("user_account", "role", user.id)
    user.role, user.email = user.role, "countess@msp.example"
    db.session.commit()
    db.session.expire_all()
    assert (user.role.value, user.role.label) == ("of-a-newer-version", "Unknown")


def test_an_unknown_role_may_nothing(as_administrator: FlaskClient) -> None:
    user = db.session.query(User).one()
    store("user_account", "role", user.id)
    answer = as_administrator.get("/global/office-365-licenses")
    assert answer.status_code == 403
    assert "<br>Unknown</div>" in answer.text


def test_an_integration_of_an_unknown_cloud_is_listed(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration()
    store("integration", "cloud", integration.id)
    assert "Office 365 · Unknown" in as_administrator.get("/account/integrations").text
    assert as_administrator.get(f"/account/integrations/{integration.id}/connection").status_code == 200


@pytest.mark.parametrize("what", ["trigger", "state"])
def test_a_run_of_which_something_is_not_known_is_shown(as_administrator: FlaskClient, make: Make, what: str) -> None:
    values: dict[str, Any] = {"trigger": Trigger.MANUAL, "state": RunState.OK}
    run = make.run(tenants_total=1, **values)
    store("sync_run", what, run.id)
    integration = f"/account/integrations/{run.integration_id}"
    for address in (f"{integration}/runs", f"{integration}/runs/{run.id}"):
        answer = as_administrator.get(address)
        assert answer.status_code == 200
        assert "Unknown" in answer.text
    assert ("Unknown" in as_administrator.get("/account/integrations").text) == (what == "state")


def test_a_part_of_an_unknown_state_is_shown_among_all(as_administrator: FlaskClient, make: Make) -> None:
    run = make.run(state=RunState.OK, tenants_total=1)
    tenant = make.tenant(integration_id=run.integration_id, name="Contoso EU", organization=make.organization())
    part = make.part(run_id=run.id, tenant_id=tenant.id, needs_consent=True, reason="It says why.")
    store("sync_part", "state", part.id)
    store("integration", "cloud", run.integration_id)
    html = as_administrator.get(f"/account/integrations/{run.integration_id}/runs/{run.id}").text
    assert "Contoso EU" in html
    assert ">Unknown</span>" in html
    assert "1 tenant" in html
    assert "adminconsent" not in html
