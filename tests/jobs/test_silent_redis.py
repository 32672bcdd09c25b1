"""A Redis that takes connections and gives no answer, as one does that hangs: how often it is waited for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import TimeoutError as NoAnswer

from jobs.microsoft import shared
from jobs.queue import redis_server
from tests.faults.databases import RedisServer, private_directory

CLIENTS: dict[str, Callable[[str], Redis]] = {
    "of pages and of what enqueues": lambda url: redis_server._new(url, tries=2),
    "of a worker that waits for jobs": lambda url: redis_server._new(url, tries=1),
    "of what workers share": shared.client.__wrapped__,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_connection_that_was_idle_waits_no_longer_for_a_redis_that_hangs_than_another(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    read = AbstractConnection.read_response

    def count(self: AbstractConnection, *args: object, **options: object) -> object:
        try:
            return read(self, *args, **options)
        except NoAnswer:
            waits.append(1)
            raise

    with private_directory() as directory:
        server = RedisServer(Path(directory))
        server.start()
        redis: Redis = CLIENTS[name](server.url)
        try:
            redis.ping()
            [connection] = redis.connection_pool._available_connections
            connection.socket_timeout = 0.05
            connection._sock.settimeout(0.05)
            # As if it had not been used for a minute.
            connection.next_health_check = 0.001
            monkeypatch.setattr(AbstractConnection, "read_response", count)
            server.freeze()
            for _ in range(2):
                waits.clear()
                with pytest.raises(NoAnswer):
                    redis.get("something")
                assert len(waits) <= (1 if "waits for jobs" in name else 2)
        finally:
            server.thaw()
            redis.close()
            server.kill()
