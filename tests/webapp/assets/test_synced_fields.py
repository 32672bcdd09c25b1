"""A synced license's own fields: they are shown, and no post changes them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.support.factories import Make
from tests.support.forms import edited
from webapp.extensions import db
from webapp.models import (
    License,
    Role,
    utc_now,
)

FIGURES = (
    "active",
    "consumed",
    "unused",
    "over",
    "warning",
    "suspended",
    "locked_out",
    "status",
    "sku_id",
    "sku_part_number",
)


def test_the_edit_page_shows_the_synced_fields_locked_and_where_they_come_from(
    as_administrator: FlaskClient, make: Make
) -> None:
    tenant = make.tenant(
        organization=make.organization(),
        integration=make.integration(name="Partner <1>"),
        name="Contoso EU",
        last_synced_at=utc_now(),
    )
    license = make.license(tenant=tenant, consumed=28)
    page = as_administrator.get(f"/licenses/{license.id}/edit").text
    for text in (
        "Synced fields",
        "Locked",
        "<bdi>Partner &lt;1&gt;</bdi> · <bdi>Contoso EU</bdi>",
        'value="28" disabled',
        "last synced <time",
    ):
        assert text in page
    assert "Administrators and Managers always see everything" in page
    for name in FIGURES:
        assert f'name="{name}"' not in page


def test_a_forged_post_changes_nothing_that_is_synced(as_administrator: FlaskClient, make: Make) -> None:
    license, user = make.license(), make.user(role=Role.EDITOR)
    product_id, tenant_id = license.product_id, license.tenant_id
    before = {name: getattr(license, name) for name in FIGURES}
    forged: dict[str, Any] = dict.fromkeys(FIGURES, "999999")
    forged |= {"name": "Forged", "product": "Forged", "product_id": "1", "tenant_id": "1", "gone_at": "2020-01-01"}
    forged |= {"who": "named", "users": [str(user.id)]}
    assert edited(as_administrator, f"/licenses/{license.id}/edit", forged).status_code == 303
    stored = db.session.get_one(License, license.id)
    assert {name: getattr(stored, name) for name in FIGURES} == before
    assert (stored.product_id, stored.tenant_id, stored.gone_at) == (product_id, tenant_id, None)
    assert stored.is_restricted
    assert as_administrator.post(f"/licenses/{license.id}/figures", data=forged).status_code == 403
    assert as_administrator.post(f"/licenses/{license.id}", data=forged).status_code == 405
