"""Measures the Global list of licenses against a floor, in the same process and on the same database.

The page is asked for through the WSGI application, signed in, and counts everything: the session's look-up, the
filters' choices, totals, rows, the whole page's template. The floor is what no page can do without: the same SELECT
statements executed and fetched, and a bare template that prints as many rows. The goal is a page within twice that.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from jinja2 import Template
from sqlalchemy import event, text

from benchmarks import estate
from tests.support.settings import make_settings
from webapp import create_app
from webapp.extensions import db
from webapp.models import Role, User, UserSession

ADDRESS = "/global/office-365-licenses"
VIEWS: dict[str, dict[str, Any]] = {
    "first page": {},
    "sort by -unused": {"sort": "-unused"},
    "sort by organization": {"sort": "organization"},
    "status Suspended": {"status": "Suspended"},
    "search bakery e3": {"q": "bakery e3"},
    "page 1,500": {"page": 1500},
}
GOAL = 2.0

_BARE = Template(
    "<table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}"
)


@dataclass(frozen=True)
class Statement:
    """One SELECT as it was sent to the database."""

    sql: str
    parameters: Any


@dataclass(frozen=True)
class Measured:
    """Milliseconds of a page and of its floor, and how many SELECTs it sends."""

    pages: list[float]
    floors: list[float]
    queries: int

    @property
    def ratio(self) -> float:
        return median(self.pages) / median(self.floors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measurements; return 1 where a page takes more than the goal."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="seatledger-bench-") as directory:
        app = _app(Path(directory), options.database_url)
        with app.app_context():
            _fill(options.licenses)
            client = _signed_in(app)
            measured = {name: _measure(client, query, options.times) for name, query in VIEWS.items()}
            dialect = db.engine.dialect.name
            db.session.remove()
            db.engine.dispose()
    _print(measured, options, dialect)
    return int(any(view.ratio > GOAL for view in measured.values()))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--licenses", type=int, default=100_000, help="how many licenses the list has")
    parser.add_argument("--times", type=int, default=20, help="how often each page is asked for")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database; else SQLite in a new file")
    return parser.parse_args(arguments)


def _app(directory: Path, database_url: str) -> Flask:
    changes = {"database_url": database_url} if database_url else {}
    return create_app(make_settings(directory, **changes))


def _fill(licenses: int) -> None:
    upgrade()
    if db.session.scalar(text("SELECT count(*) FROM license")):
        raise SystemExit("This database has licenses already. Name an empty one with --database-url.")
    db.session.rollback()
    with db.engine.begin() as connection:
        estate.build(connection, licenses)
    # Connections that were open before do not see the new statistics on SQLite.
    db.engine.dispose()


def _signed_in(app: Flask) -> FlaskClient:
    user = User(email="reader@msp.example", role=Role.READ_ONLY)
    user.set_password(secrets.token_urlsafe())  # who has none was invited only, and cannot sign in
    db.session.add(user)
    db.session.flush()
    UserSession.open(db.session, user)
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user.session_token, True
    return client


def _measure(client: FlaskClient, query: dict[str, Any], times: int) -> Measured:
    def ask() -> None:
        assert client.get(ADDRESS, query_string=query).status_code == 200
        db.session.rollback()

    ask()  # templates are compiled and connections opened: neither happens again
    with _recorded() as statements:
        ask()
    pages, floors = [], []
    for _ in range(times):
        # By turns, so that what else the machine does meanwhile falls on both.
        pages.append(_timed(ask))
        floors.append(_timed(lambda: _floor(statements)))
    return Measured(pages, floors, len(statements))


def _floor(statements: Sequence[Statement]) -> None:
    with db.engine.connect() as connection:
        results = [connection.exec_driver_sql(statement.sql, statement.parameters).all() for statement in statements]
    _BARE.render(rows=max(results, key=lambda rows: len(rows[0]) if rows else 0))


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def note(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, executemany: bool) -> None:
        if sql.startswith("SELECT"):
            statements.append(Statement(sql, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def _print(measured: dict[str, Measured], options: argparse.Namespace, dialect: str) -> None:
    print(
        f"The Global list at {options.licenses:,} licenses on {dialect}, each page asked for {options.times} times, in "
        "milliseconds.\nA page: the whole HTML through WSGI, signed in. Its floor: the same SELECTs fetched, and a "
        "bare template of as many rows."
    )
    print(f"{'':22}{'p50':>8}{'p95':>8}{'floor p50':>11}{'ratio':>7}{'queries':>9}")
    for name, view in measured.items():
        p95 = quantiles(view.pages, n=20)[-1] if len(view.pages) > 1 else view.pages[0]
        numbers = f"{median(view.pages):8.1f}{p95:8.1f}{median(view.floors):11.1f}{view.ratio:7.2f}{view.queries:9}"
        print(f"{name:22}{numbers}{'' if view.ratio <= GOAL else '  over the goal'}")
    print(f"Goal: a ratio of {GOAL:g} at the most.")


if __name__ == "__main__":
    sys.exit(main())
