"""What the pages of one asset have in common: finding it, and what its layout shows."""

from __future__ import annotations

from flask import abort
from flask_login import current_user

from .. import access
from ..extensions import db
from ..models import FlexibleAsset, FlexibleAssetType
from . import queries


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
