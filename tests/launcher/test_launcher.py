"""`make run` as a whole: it starts, says where to go, stops cleanly, starts again, and explains what it cannot do."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from config import BASE_DIR
from tests.support.running import Running, environment, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


def _start(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to end by itself."""
    values = {"PORT": str(free_port()), **settings}
    return subprocess.run(
        [sys.executable, "-m", "launcher"],
        cwd=BASE_DIR,
        env=environment(data_dir, **values),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _children(name: str, data_dir: Path) -> list[psutil.Process]:
    """The running processes of a program that belong to this data directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if name in " ".join(process.cmdline()) and process.environ().get("DATA_DIR") == str(data_dir):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_it_serves_stops_without_leaving_anything_and_starts_again_with_what_was_there(tmp_path: Path) -> None:
    with Running(tmp_path) as server:
        assert requests.get(f"{server.url}/healthz", timeout=30).ok
        assert len(server.setup_code) >= 16
        created = server.command(
            "users", "create", "a@msp.example", "--role", "Administrator", "--password-stdin", stdin="a long password\n"
        )
        assert created.returncode == 0, created.stderr
        assert server.stop() == 0
    assert _children("python", tmp_path) == []
    assert _children("redis-server", tmp_path) == []

    with Running(tmp_path) as again:
        assert "There is no user yet" not in again.output
        users = json.loads(again.command("users", "list", "--json").stdout)
        assert [user["email"] for user in users] == ["a@msp.example"]


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    with Running(tmp_path):
        workers = _children("jobs.worker", tmp_path)
        workers[0].kill()
        workers[0].wait(timeout=60)
        replaced = eventually(lambda: [other for other in _children("jobs.worker", tmp_path) if other not in workers])
        assert len(replaced) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops what lost its supervisor")
def test_where_the_supervisor_is_killed_nothing_goes_on_and_it_starts_again(tmp_path: Path) -> None:
    with Running(tmp_path) as server:
        _children("launcher.supervising", tmp_path)[0].kill()
        assert server.wait() == 1
        assert "Seatledger ended by itself: its supervisor did" in server.output
    eventually(lambda: not _children("python", tmp_path) and not (tmp_path / "redis.sock").exists())
    with Running(tmp_path) as again:
        assert requests.get(f"{again.url}/readyz", timeout=30).json()["redis"] is True


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    first = _kept_secrets(tmp_path / "data")
    assert _kept_secrets(tmp_path / "data") == first
    for name in first:
        assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600


def test_a_port_in_use_is_explained_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = _start(tmp_path, PORT=port)
    assert ended.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_data_directory_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = _start(tmp_path / "file" / "data")
    assert ended.returncode == 1
    assert "data directory" in ended.stderr
    assert "DATA_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every directory")
def test_an_unreadable_data_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o000)
    ended = _start(tmp_path / "data")
    assert ended.returncode == 1
    assert "cannot be read and written" in ended.stderr


def test_a_database_of_a_newer_version_is_left_alone_and_explained(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "seatledger.db")) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    ended = _start(tmp_path)
    assert ended.returncode == 1
    assert "of an older version than the database" in ended.stderr
    assert "9999" in ended.stderr
    with closing(sqlite3.connect(tmp_path / "seatledger.db")) as database, database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "seatledger.db").write_text("this is not a database, but it is long enough to be looked at" * 10)
    ended = _start(tmp_path)
    assert ended.returncode == 1
    assert "Seatledger cannot start: The database's file is damaged, or is none. See first" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may write to every file")
def test_a_database_of_this_version_that_may_only_be_read_is_explained(tmp_path: Path) -> None:
    with Running(tmp_path):
        pass
    (tmp_path / "seatledger.db").chmod(0o400)
    ended = _start(tmp_path)
    assert ended.returncode == 1
    assert "Seatledger cannot start: The database's file may be read and not be written to." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_that_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    (tmp_path / "seatledger.db").mkdir()
    ended = _start(tmp_path)
    assert ended.returncode == 1
    assert "Seatledger cannot start: The database's file cannot be opened. See that DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("SYNC_WORKERS", "0"),
        ("DATABASE_URL", "mysql://root@localhost/seatledger"),
        ("ENCRYPTION_KEYS", "not a key"),
        ("MICROSOFT_LOGIN_URL", "http://login.example"),
        ("MICROSOFT_CA_BUNDLE", "/nowhere/ca.pem"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
        ("REDIS_URL", "nonsense"),
        ("REDIS_URL", "redis://:s3c/ret@127.0.0.1:1/0"),
        ("REDIS_URL", "rediss://127.0.0.1:1/0?ssl_ca=/etc/ca.pem"),
        ("DATABASE_URL", "postgresql://keeper:s3c/ret@127.0.0.1:many/nowhere"),
        ("HOST", "no.such.host.invalid"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, tmp_path: Path) -> None:
    ended = _start(tmp_path, **{name: value})
    assert ended.returncode == 1
    assert name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "s3c" not in ended.stderr


def test_a_second_server_in_the_same_data_directory_is_refused(tmp_path: Path) -> None:
    with Running(tmp_path):
        ended = _start(tmp_path)
        assert ended.returncode == 1
        assert "it runs already" in ended.stderr


def test_a_data_directory_with_a_long_and_odd_name_works(tmp_path: Path) -> None:
    data_dir = tmp_path / ('a long name #1 with spaces ; 100 %, what? 5%20and "quotes" ' * 3)
    with Running(data_dir) as server:
        assert requests.get(f"{server.url}/readyz", timeout=30).json()["redis"] is True
        assert (data_dir / "seatledger.db").exists()


def _kept_secrets(data_dir: Path) -> dict[str, str]:
    code = "import config; s = config.load(None); print(s.secret_key, *s.encryption_keys)"
    subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment(data_dir), check=True, capture_output=True
    )
    return {name: (data_dir / name).read_text() for name in ("secret_key", "encryption_keys")}


@pytest.mark.parametrize("name", ["launcher.lock", "supervisord.conf", "redis.conf"])
def test_a_file_of_the_data_directory_that_cannot_be_written_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()  # which not even root can write to
    ended = _start(tmp_path)
    assert ended.returncode == 1
    assert f"{name} cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


# Presses Ctrl-C as soon as the launcher comes to load this module.
CTRL_C_AT = """
import os, runpy, signal, sys
class CtrlC:
    def find_spec(self, name, *others):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
runpy.run_module("launcher", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("module", ["launcher.running", "requests", "config", "launcher.supervisor"])
def test_a_ctrl_c_while_it_is_still_being_loaded_ends_it_without_a_word(tmp_path: Path, module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT, module],
        cwd=BASE_DIR,
        env=environment(tmp_path, PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""
