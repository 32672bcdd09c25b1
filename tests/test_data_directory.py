"""Where the embedded Redis listens, whose jobs whoever reaches it could choose; and secrets that are made once."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from settings.data_directory import embedded_redis_socket, kept
from settings.errors import SettingError

LONG = "x" * 100


def test_the_directory_of_a_long_address_is_the_owner_s_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    socket = embedded_redis_socket(tmp_path / LONG)
    assert socket == embedded_redis_socket(tmp_path / LONG)
    assert socket.parent.parent == tmp_path
    assert socket.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["my data", "a=b", "100%20", "what?", "Client #1"])
def test_an_address_that_redis_would_not_tell_as_it_is_is_another(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert embedded_redis_socket(Path("/d") / name).parent.parent == tmp_path
    assert embedded_redis_socket(Path("/d/plain-ü_1.0")) == Path("/d/plain-ü_1.0/redis.sock")


def test_a_directory_that_somebody_else_put_there_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    directory = embedded_redis_socket(tmp_path / LONG).parent
    directory.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o777)
    directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingError, match="DATA_DIR"):
        embedded_redis_socket(tmp_path / LONG)


def test_a_directory_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    found = list(embedded_redis_socket(tmp_path / LONG).parent.lstat())
    found[4] = os.getuid() + 1
    monkeypatch.setattr(Path, "lstat", lambda path: os.stat_result(found))
    with pytest.raises(SettingError, match="DATA_DIR"):
        embedded_redis_socket(tmp_path / LONG)


def test_a_secret_that_finds_no_room_is_not_left_by_half_and_is_made_once_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "encryption_keys"
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        with pytest.raises(SettingError, match=r"encryption_keys .*No space left on device.*Make room on its disk"):
            kept(path, lambda: "first")
    assert list(tmp_path.iterdir()) == []
    assert kept(path, lambda: "second") == "second"
    assert kept(path, lambda: "third") == "second"
    assert list(tmp_path.iterdir()) == [path]
