"""Ids of what people remove: given to no other, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from jobs.bulk import take_ids
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    Contact,
    FlexibleAsset,
    FlexibleAssetType,
    Integration,
    License,
    Organization,
    SyncRun,
    Tenant,
    User,
    UserGroup,
)
from webapp.models.statements import table_of


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (Organization, Make.organization),
        (Contact, Make.contact),
        (FlexibleAsset, Make.asset),
        (FlexibleAssetType, Make.asset_type),
        (Integration, Make.integration),
        (Tenant, Make.tenant),
        (License, Make.license),
        (SyncRun, Make.run),
        (User, Make.user),
        (UserGroup, Make.group),
    ],
)
def test_the_id_of_what_is_gone_is_given_to_no_other(make: Make, model: Any, made: Callable[[Make], Any]) -> None:
    removed_id = made(make).id
    db.session.execute(delete(model).where(model.id == removed_id))
    db.session.commit()
    [[taken]] = take_ids((table_of(model), 1))
    db.session.rollback()
    assert min(taken, made(make).id) > removed_id


def test_ids_that_a_sync_takes_are_counted_as_given(make: Make) -> None:
    organization = make.organization()
    first, second = take_ids((table_of(Contact), 2))[0]
    db.session.add(Contact(id=second, organization_id=organization.id, name="Ann"))
    db.session.commit()
    assert first < second < make.contact(organization=organization).id
