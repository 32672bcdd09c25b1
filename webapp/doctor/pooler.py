"""A pooler before PostgreSQL, such as PgBouncer: whether statements may stay prepared through it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from ..engines.postgresql import FORGOTTEN, driver_of
from ..extensions import db
from ..refusals import FORGETFUL_POOLER
from .finding import Finding, ill, well

_WHOSE = "SELECT pg_backend_pid()"
# Somebody else may be given a connection in between, so it is looked more than once.
_LOOKS = 5


def check_pooler() -> Iterator[Finding]:
    """Nothing where no pooler is found."""
    with db.engine.connect() as first, db.engine.connect() as second:
        one, other = driver_of(first), driver_of(second)
        if _is_pooled(one):
            yield _found(one, other)


def _is_pooled(connection: psycopg.Connection) -> bool:
    """Poolers tell their clients another process than the one that answers, which they exchange."""
    return connection.info.backend_pid != _server_of(connection)


def _found(one: psycopg.Connection, other: psycopg.Connection) -> Finding:
    try:
        by_transaction = any(_lose_server(one, other) for _ in range(_LOOKS))
    except FORGOTTEN:
        return ill("pooler", FORGETFUL_POOLER.reason, FORGETFUL_POOLER.fix)
    if by_transaction:
        return well("pooler", "A pooler before the database gives each transaction another connection; that works.")
    return well("pooler", "A pooler stands before the database; nothing shows that it pools other than by session.")


def _lose_server(one: psycopg.Connection, other: psycopg.Connection) -> bool:
    """Let another transaction have the server that prepared a statement for this connection, and execute it again.

    False where the server stays this connection's, as it does where sessions are pooled.
    """
    one.commit()
    server = _server_of(one, prepare=True)
    one.commit()
    is_lost = _server_of(other) == server
    _server_of(one, prepare=True)
    other.commit()
    return is_lost


def _server_of(connection: psycopg.Connection, *, prepare: bool = False) -> int:
    row = connection.execute(_WHOSE, prepare=prepare).fetchone()
    return int(row[0]) if row else 0
