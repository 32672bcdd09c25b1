"""Liveness and readiness, for whatever watches over Seatledger."""

from __future__ import annotations

from flask import Blueprint, Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from jobs.queue import SYNC, QueueUnavailable, Workers, workers_by_queue

from . import schema_version
from .extensions import db
from .foreseen import foreseen_refusal
from .refusals import refusal_of

bp = Blueprint("health", __name__)

_NO_WORKER = "No worker is running. Start one: `make run` starts workers, and `python -m jobs.worker` starts one alone."
_CUT_OFF = "All workers are cut off from the database or from Microsoft: `flask doctor` names them and says what to do."


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """This process answers. Nothing else is asked: restarting it would not mend a database."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """Whether work can be done, and what to do where it cannot. No address and no secret is told."""
    problem_of_database = _database_problem()
    redis_problem, workers = _redis_problem()
    problems = [problem for problem in (problem_of_database, redis_problem) if problem]
    if workers.are_all_cut_off:
        problems.append(_CUT_OFF)
    elif not workers.alive and not redis_problem:
        problems.append(_NO_WORKER)
    answer = {
        "ready": not problems,
        "database": not problem_of_database,
        "redis": not redis_problem,
        "workers": workers.alive - workers.cut_off,
        "problems": problems,
    }
    return jsonify(answer), 503 if problems else 200


def _database_problem() -> str | None:
    """Why the database cannot be used, in a sentence that says what is wrong and others that say what to do."""
    try:
        if problem := schema_version.look().problem:
            return problem
        with db.engine.connect() as connection:
            refusal = foreseen_refusal(connection)
    except SQLAlchemyError as error:
        refusal = refusal_of(error)
        if refusal is None:
            return "The database does not answer. Check that it is running and that DATABASE_URL is right."
    return refusal.text if refusal else None


def _redis_problem() -> tuple[str | None, Workers]:
    """Why Redis cannot be used, if so; and the workers that sync tenants."""
    try:
        return None, workers_by_queue()[SYNC]
    except QueueUnavailable as error:
        what = "refuses what is written to it" if error.is_refusal else "does not answer"
        problem = f"Redis {what}. Check that it is running and that REDIS_URL is right: `flask doctor` tells more."
        return problem, Workers(0)
