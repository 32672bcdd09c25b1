"""Many new rows at once, in the transaction that is open, at the least cost that each database allows.

SQLAlchemy's own bulk INSERT takes several times as long as the databases do: it makes a statement of all values, and
sends one for each row where the new ids are to come back in order. Here ids are taken before, so that nothing has to
come back, and rows that refer to each other can be made before the first is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.exc import DBAPIError, OperationalError

from webapp.engines.postgresql import NO_FAULT_OF_OURS, driver_of
from webapp.extensions import db

Row = tuple[Any, ...]


def take_ids(*wanted: tuple[Table, int]) -> list[Sequence[int]]:
    """For each of these tables, which differ, so many ids for new rows: in ascending order, and nobody else's."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        return _taken(connection, wanted)
    # Only one transaction writes at a time, and this is how SQLite itself numbers rows.
    return [_next(connection, table, count) if count else () for table, count in wanted]


def _taken(connection: Connection, wanted: Sequence[tuple[Table, int]]) -> list[Sequence[int]]:
    counts = {table.name: count for table, count in wanted if count}
    if not counts:
        return [() for _ in wanted]
    found = connection.execute(_take(tuple(counts)), counts).one()._asdict()
    return [sorted(found.get(table.name, ())) for table, _ in wanted]


@cache
def _take(tables: Sequence[str]) -> TextClause:
    """The ids of each table come as one row."""
    # PostgreSQL's own name for what numbers a table: as a constant it is looked up once, and not each time.
    ids = "(SELECT array_agg(nextval('{0}_id_seq')) FROM generate_series(1, :{0})) AS {0}"
    return text(f"SELECT {', '.join(map(ids.format, tables))}")


# What SQLite notes with each row that is inserted, whoever numbers it.
_HIGHEST_EVER = text("SELECT seq FROM sqlite_sequence WHERE name = :name")


def _next(connection: Connection, table: Table, count: int) -> Sequence[int]:
    if table.dialect_options["sqlite"]["autoincrement"]:
        # Not of those that there are: the id of one that is gone is given to no other.
        highest = connection.scalar(_HIGHEST_EVER, {"name": table.name}) or 0
    else:
        highest = connection.scalar(text(f"SELECT max(id) FROM {table.name}")) or 0  # noqa: S608
    return range(highest + 1, highest + 1 + count)


def insert_rows(table: Table, columns: Sequence[str], rows: Iterable[Row], same: Mapping[str, Any]) -> None:
    """Insert rows that have these values in the columns, and in further columns the `same` ones.

    The rows' values go to the driver as they are: text, numbers, booleans and None.
    """
    connection = db.session.connection()
    more = tuple(_bound(connection, table, name, value) for name, value in same.items())
    whole = [row + more for row in rows]
    if not whole:
        return
    names = (*columns, *same)
    if connection.dialect.name == "postgresql":
        _copy(connection, table.name, names, whole)
    else:
        connection.exec_driver_sql(_insert(table.name, names), whole)


def _bound(connection: Connection, table: Table, column: str, value: Any) -> Any:
    """The value as the driver takes it for this column, and at the least cost for each row."""
    process = table.c[column].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    bound = process(value) if process else value
    # psycopg takes as long to write a moment as all else of a row; here it is written once.
    return bound.isoformat() if isinstance(bound, datetime) else bound


@cache
def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """PostgreSQL's COPY, of which SQLAlchemy knows nothing: an error is made one of its own, as callers expect."""
    driver = driver_of(connection)
    statement = f"COPY {table}"
    try:
        with driver.cursor() as cursor, cursor.copy(f"{statement} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        lost = driver.closed
        if lost:
            connection.invalidate(error)
        if isinstance(error, NO_FAULT_OF_OURS):
            raise OperationalError(statement, None, error, hide_parameters=True, connection_invalidated=lost) from error
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
        ) from error
