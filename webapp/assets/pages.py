"""What the pages of one asset have in common: finding it, and what its layout shows."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import abort
from flask_login import current_user

from .. import access
from ..extensions import db
from ..models import FlexibleAsset, FlexibleAssetType, Organization
from ..organizations.queries import find as find_organization
from ..organizations.queries import sidebar
from . import queries


def organization_or_404(organization_id: int) -> Organization:
    organization = find_organization(db.session, access.scope_of(current_user), organization_id)
    if organization is None:
        abort(404)
    return organization


def type_or_404(slug: str) -> FlexibleAssetType:
    kind = queries.type_called(db.session, slug)
    if kind is None:
        abort(404)
    return kind


def asset_or_404(asset_id: int) -> FlexibleAsset:
    asset = queries.find(db.session, access.scope_of(current_user), asset_id)
    if asset is None:
        abort(404)
    return asset


def layout(organization: Organization, slug: str) -> dict[str, Any]:
    """What the layout of an organization's pages takes."""
    return {
        "organization": organization,
        "sidebar": partial(sidebar, db.session, access.scope_of(current_user), organization),
        "present": slug,
    }
