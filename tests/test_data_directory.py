"""Where the embedded Redis listens, whose jobs whoever reaches it could choose."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from settings.data_directory import embedded_redis_socket
from settings.errors import SettingError

LONG = "x" * 100


def test_the_directory_of_a_long_address_is_the_owner_s_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    socket = embedded_redis_socket(tmp_path / LONG)
    assert socket == embedded_redis_socket(tmp_path / LONG)
    assert socket.parent.parent == tmp_path
    assert socket.parent.stat().st_mode & 0o077 == 0


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
