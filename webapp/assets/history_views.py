"""The history of a license or an asset: the section of its page, which HTMX swaps, and a page of its own without."""

from __future__ import annotations

from flask import url_for
from htmx_flask import request

from .. import access
from ..access import Permission
from ..licenses.pages import license_or_404
from ..models import OFFICE_365_LICENSES
from ..organizations.pages import layout, organization_or_404
from ..paging import page_asked
from ..templating import page_or_partial
from . import history
from .blueprints import assets as bp
from .history import History
from .pages import asset_or_404


@bp.get("/licenses/<id:license_id>/history")
@access.requires(Permission.READ)
def license_history(license_id: int) -> str:
    row = license_or_404(license_id)
    return _shown(
        history.of_license(license_id, _page()),
        name=row.product,
        back=url_for("licenses.show", license_id=license_id),
        collection="Office 365 Licenses",
        collection_url=url_for("licenses.organizations", organization_id=row.organization_id),
        **layout(organization_or_404(row.organization_id), OFFICE_365_LICENSES),
    )


@bp.get("/assets/<id:asset_id>/history")
@access.requires(Permission.READ)
def asset_history(asset_id: int) -> str:
    asset = asset_or_404(asset_id)
    slug = asset.type.slug
    return _shown(
        history.of_asset(asset_id, _page()),
        name=asset.name,
        back=url_for(".show", asset_id=asset_id),
        collection=asset.type.name,
        collection_url=url_for(".organizations", organization_id=asset.organization_id, slug=slug),
        **layout(asset.organization, slug),
    )


def _shown(shown: History, **values: object) -> str:
    return page_or_partial("assets/history.html", "assets/_history.html", history=shown, **values)


def _page() -> int:
    return page_asked(request.args)
