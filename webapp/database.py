"""How connections to the database behave, the same for whoever opens one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask, current_app, g, has_app_context, has_request_context, request
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from config import Settings

from .engines import postgresql, sqlite
from .extensions import db

# Connections for a process's threads beside those that sync: the web's, or what looks after leases and versions.
_OTHER_THREADS = 16


def engine_options(settings: Settings) -> dict[str, Any]:
    """Options for the engine of a process.

    No thread waits for a connection. They are made when they are needed, and kept open: a worker's threads would else
    make one anew for each transaction. The one that was used last is used next: it knows the most of the statements.
    """
    pool = {"pool_size": settings.sync_hands + 4, "max_overflow": _OTHER_THREADS}
    # A statement's values belong in no log: among them are names of people and sealed secrets.
    common: dict[str, Any] = {"hide_parameters": True, "pool_use_lifo": True, **pool}
    if settings.database_url.startswith("sqlite"):
        return {**common, "connect_args": sqlite.connect_args()}
    return {**common, "connect_args": postgresql.connect_args(settings), "pool_recycle": 1800}


def init_app(app: Flask) -> None:
    """Tune the app's engine. Call it after `db.init_app`."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        sqlite.tune(engine, _may_write)
    else:
        postgresql.tune(engine, _only_reads)
    # gunicorn and RQ fork: a child must not share its parent's connections.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    # Before Flask-SQLAlchemy does so, which would raise past all handlers where the database went away after the answer
    # was made.
    app.teardown_appcontext(lambda _: _close_session())


def is_away(error: BaseException | None) -> bool:
    """Whether the error says that the database does not answer, not in time, or that it cannot work (`refusals`)."""
    if isinstance(error, OperationalError) and str(error.orig).startswith(sqlite.LACKS):
        return False
    return isinstance(error, OperationalError | InterfaceError | NoConnectionFree)


def driver_s_words(error: BaseException) -> str:
    """What went wrong without the statement that met it."""
    return str(getattr(error, "orig", None) or error)


def reason_of(error: BaseException) -> str:
    """The first line of these words: libpq tells below it of each address that it tried."""
    return (driver_s_words(error).strip().splitlines() or [type(error).__name__])[0].strip()


def forget_transaction() -> None:
    """End this app context's transaction, if one is open, without its changes.

    What is broken may break here, too, which is logged: it must not hide what happened, or an answer that was made.
    """
    try:
        db.session.rollback()
    except SQLAlchemyError as error:
        _warn("The transaction could not be rolled back", error)


def _close_session() -> None:
    """The same at the end of an app context; what was loaded stays readable, as for an answer that is streamed."""
    try:
        db.session.close()
    except SQLAlchemyError as error:
        _warn("The session could not be closed", error)


def _warn(what: str, error: SQLAlchemyError) -> None:
    current_app.logger.warning("%s: %s", what, driver_s_words(error), exc_info=None if is_away(error) else error)


def declare_writing() -> None:
    """Let the transactions of this app context, or of this request, that begin from now on be ones that may write."""
    g.may_write = True


def declare_reading() -> None:
    """Let the transactions of this request, though it was posted, begin as ones that only read: nobody waits for them.

    What was read so far is forgotten.
    """
    db.session.rollback()
    g.only_reads = True


@contextmanager
def only_reading() -> Iterator[None]:
    """A transaction of an app context that otherwise writes, or of a command, which only reads: nobody waits for it.

    It ends here. On PostgreSQL it is none at all (`engines.postgresql`).
    """
    before = g.get("only_reads", False)
    g.only_reads = True
    try:
        yield
        db.session.commit()
    finally:
        db.session.rollback()
        g.only_reads = before


def _only_reads() -> bool:
    """Whether it was declared that nothing is written from here on."""
    return has_app_context() and bool(g.get("only_reads"))


def _may_write() -> bool:
    if _only_reads():
        return False
    if has_request_context():
        return request.method not in {"GET", "HEAD", "OPTIONS"} or bool(g.get("may_write"))
    if click.get_current_context(silent=True) is not None:
        return True
    return bool(has_app_context() and g.get("may_write"))
