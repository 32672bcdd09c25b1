"""What is told of parts and runs when they end: a line in the log, and a count for Prometheus.

An hour of 5,000 tenants must stay readable: a part that is well is told at DEBUG, one that is put off at INFO, one that
failed at WARNING; and each run that ended with one line at INFO, with its figures. Call these after the commit.
"""

from __future__ import annotations

import logging
import time

from logs import log_context
from webapp.extensions import db
from webapp.metrics import events
from webapp.models import Claim, PartState, Problem, SyncRun

log = logging.getLogger(__name__)

PUT_OFF = "put_off"

_LEVELS = {PartState.OK: logging.DEBUG, PUT_OFF: logging.INFO}
_WORDS = {PartState.OK: "The tenant is well", PUT_OFF: "The tenant was put off"}


def part_ended(
    claim: Claim,
    outcome: PartState | str,
    began: float | None,
    *,
    tenant: str = "",
    requests: int = 0,
    rows: int = 0,
    problem: Problem | None = None,
) -> None:
    """A part was settled as OK or FAILED, or given back as PUT_OFF; `problem` is the reason.

    `began` is when it was taken in hand, by the monotonic clock, None where it was not; `tenant` is the GUID, where no
    context tells it.
    """
    seconds = time.monotonic() - began if began is not None else None
    events.part_ended(str(outcome), seconds, rows)
    level = _LEVELS.get(outcome, logging.WARNING)
    if not log.isEnabledFor(level):
        return
    about = {"seconds": round(seconds or 0.0, 3), "requests": requests, "rows_written": rows}
    words = _WORDS.get(outcome, "The tenant failed")
    with log_context(run=claim.run_id, part=claim.part_id, tenant=tenant or None):
        if problem is None:
            log.log(level, words, extra=about)
        else:
            told = {**about, "code": problem.code, "request_id": problem.request_id}
            log.log(level, "%s: %s", words, problem.reason, extra=told)


def run_ended(run_id: int) -> None:
    """The run has just been ended, by the caller, who has no transaction open."""
    run = db.session.get(SyncRun, run_id)
    if run is not None:
        _tell(run)
    db.session.rollback()


def _tell(run: SyncRun) -> None:
    events.run_ended(run.state)
    since = run.started_at or run.created_at
    figures = {
        "integration": run.integration_id,
        "trigger": run.trigger.value,
        "tenants_total": run.tenants_total,
        "tenants_ok": run.tenants_ok,
        "tenants_failed": run.tenants_failed,
        "requests": run.requests,
        "rows_written": run.rows_written,
        "seconds": round(max(0.0, (run.finished_at - since).total_seconds()), 1) if run.finished_at else None,
    }
    with log_context(run=run.id):
        log.info("The sync ended: %s%s", run.state.value, f", {run.reason}" if run.reason else "", extra=figures)
