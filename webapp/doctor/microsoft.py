"""Microsoft's hosts, of each cloud that an integration is in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from jobs import queue

from ..extensions import db
from ..models import Cloud, Integration
from .clock import compare_clocks
from .finding import Finding, ill, well


def check_microsoft() -> Iterator[Finding]:
    for cloud in _clouds():
        for told in queue.run_here("jobs.reach.reach", cloud.value)["hosts"]:
            part, host = f"Microsoft, {cloud.label}", told["host"]
            if "problem" in told:
                yield ill(part, told["problem"]["reason"], told["problem"]["fix"])
                continue
            yield well(part, f"{host} answers.")
            if told["at"]:
                yield compare_clocks(part, f"that of {host}", datetime.fromisoformat(told["at"]))


def _clouds() -> list[Cloud]:
    """Those of the live integrations; the global one where there is none yet, or the database does not tell."""
    try:
        found = db.session.scalars(select(Integration.cloud).where(Integration.is_live).distinct()).all()
    except SQLAlchemyError:
        db.session.rollback()
        found = []
    return sorted(cloud for cloud in found if cloud.is_known) or [Cloud.GLOBAL]
