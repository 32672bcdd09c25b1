"""What no sync can do without, and nothing else: a program of which the floor starts several.

For each tenant it sends the requests of a first sync with `requests`, parses the answers with `json`, and writes the
rows that the sync wrote, which it was given, in one transaction: by `executemany` on SQLite, by COPY on PostgreSQL.
Then, the second time, the one request by which nothing turns out to have changed, and one UPDATE.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests
from requests.adapters import HTTPAdapter

Rows = Sequence[tuple[Any, ...]]
_NOTE = "UPDATE tenant SET last_synced_at = CURRENT_TIMESTAMP, users_synced_at = CURRENT_TIMESTAMP WHERE id = "
_SECONDS = 120


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]


@dataclass
class Given:
    """A tenant: what signs in to it, its row, what was stored of it, and where its changes are told."""

    tenant_id: str
    client_id: str
    client_secret: str
    row_id: int
    link: str
    rows: Mapping[Table, Rows]
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Work:
    """All that a process is given."""

    url: str
    ca_bundle: str
    database_url: str
    threads: int
    # The paths, below /v1.0, of a batch that is followed by what is changed since, and of the list of users.
    asks: tuple[str, ...]
    begin: str
    users: str
    tenants: list[Given]


class Sqlite:
    """One connection, which the threads use one after another: more would only wait at the file."""

    def __init__(self, database_url: str) -> None:
        path = database_url.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(path, timeout=_SECONDS, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._lock = threading.Lock()

    def write(self, given: Given | None, row_id: int) -> None:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            for table, rows in given.rows.items() if given else ():
                marks = ", ".join("?" * len(table.columns))
                self._connection.executemany(f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})", rows)
            self._connection.execute(f"{_NOTE}{row_id}")
            self._connection.execute("COMMIT")


class Postgresql:
    """A connection for each thread."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._own = threading.local()

    def write(self, given: Given | None, row_id: int) -> None:
        with self._connection() as connection, connection.cursor() as cursor:
            for table, rows in given.rows.items() if given else ():
                with cursor.copy(f"COPY {table.name} ({_names(table)}) FROM STDIN".encode()) as copy:
                    for row in rows:
                        copy.write_row(row)
            cursor.execute(f"{_NOTE}{row_id}".encode())

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(self._url)
        with self._own.connection.transaction():
            yield self._own.connection


def _names(table: Table) -> str:
    return ", ".join(table.columns)


class Bare:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(pool_maxsize=64))
        self._database = (Sqlite if work.database_url.startswith("sqlite") else Postgresql)(work.database_url)

    def first(self, given: Given) -> None:
        """A first sync."""
        form = {
            "grant_type": "client_credentials",
            "client_id": given.client_id,
            "client_secret": given.client_secret,
            "scope": "https://graph.microsoft.com/.default",
        }
        login = f"{self._work.url}/{given.tenant_id}/oauth2/v2.0/token"
        given.token = self._ask("POST", login, data=form)["access_token"]
        self._batch(given.token, self._work.begin)
        page = self._graph(given.token, "GET", self._work.users)
        while link := page.get("@odata.nextLink"):
            page = self._ask("GET", link, headers={"Authorization": f"Bearer {given.token}"})
        self._database.write(given, given.row_id)

    def unchanged(self, given: Given) -> None:
        """A sync that finds nothing changed, with a token at hand."""
        self._batch(given.token, given.link)
        self._database.write(None, given.row_id)

    def _batch(self, token: str, users: str) -> None:
        asks = [{"id": str(at), "method": "GET", "url": path} for at, path in enumerate((*self._work.asks, users))]
        answers = self._graph(token, "POST", "/$batch", json={"requests": asks})["responses"]
        if any(answer["status"] != 200 for answer in answers):
            raise SystemExit("A request of a batch of the floor was refused.")

    def _graph(self, token: str, method: str, path: str, **options: Any) -> Any:
        return self._ask(
            method, f"{self._work.url}/v1.0{path}", headers={"Authorization": f"Bearer {token}"}, **options
        )

    def _ask(self, method: str, url: str, **options: Any) -> Any:
        answer = self._session.request(method, url, verify=self._work.ca_bundle, timeout=_SECONDS, **options)
        answer.raise_for_status()
        return json.loads(answer.content)


def _timed(work: Work, do: Callable[[Given], None]) -> None:
    """Wait until told to, do it to all tenants, and tell the seconds of the processor that it took."""
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    with ThreadPoolExecutor(work.threads) as pool:
        list(pool.map(do, work.tenants))
    print(time.process_time() - before, flush=True)


def main() -> None:
    """Do the work in the file that the command line names."""
    work = pickle.loads(Path(sys.argv[1]).read_bytes())
    bare = Bare(work)
    _timed(work, bare.first)
    _timed(work, bare.unchanged)
