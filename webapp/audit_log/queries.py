"""The one query of the audit log: it serves the page, the export and the command."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, select

from ..models import AuditEntry
from ..search import every_word
from .filters import Filters


def listing(filters: Filters) -> Select[AuditEntry]:
    """The entries that the filters leave, newest first; the caller takes of it a page, or all."""
    query = select(AuditEntry).where(every_word(filters.q, _is_found))
    if filters.area:
        query = query.where(AuditEntry.area.in_(filters.area))
    if filters.begins_at:
        query = query.where(AuditEntry.at >= filters.begins_at)
    if filters.ends_before:
        query = query.where(AuditEntry.at < filters.ends_before)
    return query.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())


def _is_found(word: str) -> ColumnElement[bool]:
    return AuditEntry.search_folded.contains(word, autoescape=True)
