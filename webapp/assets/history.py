"""The history of assets as the pages show it: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_login import current_user
from sqlalchemy import ColumnElement, func, select

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import AssetChange, SyncRun
from ..paging import Page

PER_PAGE = 10


@dataclass(frozen=True)
class Entry:
    """One change, and the page of the run that made it where there is one that the reader may open."""

    change: AssetChange
    run_url: str | None


@dataclass(frozen=True)
class History:
    entries: Sequence[Entry]
    paging: Page
    url: str

    def address(self, page: int) -> str:
        return f"{self.url}?page={page}"


def of_license(license_id: int, page: int = 1) -> History:
    """A page of a license's history. The caller has made sure that the reader may see the license."""
    return _history(
        AssetChange.license_id == license_id, page, url_for("assets.license_history", license_id=license_id)
    )


def of_asset(asset_id: int, page: int = 1) -> History:
    """The same of a custom asset."""
    return _history(AssetChange.asset_id == asset_id, page, url_for("assets.asset_history", asset_id=asset_id))


def latest(asset_id: int) -> AssetChange | None:
    """The last change of an asset."""
    query = select(AssetChange).where(AssetChange.asset_id == asset_id).order_by(AssetChange.id.desc())
    return db.session.scalar(query.limit(1))


def _history(is_of: ColumnElement[bool], asked: int, url: str) -> History:
    total = db.session.scalar(select(func.count(AssetChange.id)).where(is_of)) or 0
    page = Page(asked, PER_PAGE, total)
    query = select(AssetChange).where(is_of).order_by(AssetChange.id.desc()).limit(PER_PAGE).offset(page.offset)
    changes = db.session.scalars(query).all() if total else []
    urls = _run_urls(changes)
    return History([Entry(change, urls.get(change.run_id)) for change in changes], page, url)


def _run_urls(changes: Sequence[AssetChange]) -> dict[int | None, str]:
    """The pages of those runs that are kept, for who may open them."""
    run_ids = {change.run_id for change in changes if change.run_id is not None}
    if not run_ids or not access.may(current_user, Permission.MANAGE_INTEGRATIONS):
        return {}
    kept: Any = db.session.execute(select(SyncRun.id, SyncRun.integration_id).where(SyncRun.id.in_(run_ids)))
    return {row.id: url_for("integrations.run", integration_id=row.integration_id, run_id=row.id) for row in kept}
