"""The lease of one part, as tests take it."""

from __future__ import annotations

from datetime import datetime

from webapp.extensions import db
from webapp.models import Claim, SyncPart


def claim_one(part_id: int, now: datetime) -> Claim | None:
    """None where there is nothing to do, or somebody else does it."""
    return next(iter(SyncPart.claim(db.session, [part_id], now)), None)
