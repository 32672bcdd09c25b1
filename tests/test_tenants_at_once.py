"""SYNC_TENANTS_AT_ONCE: a number of threads that a process can have."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from jobs.microsoft.connections import POOL_SIZE
from settings.checks import MOST_TENANTS_AT_ONCE
from settings.errors import SettingError


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))


def test_a_worker_syncs_several_tenants_at_once_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_TENANTS_AT_ONCE", raising=False)
    assert config.load(None).sync_tenants_at_once == 16


@pytest.mark.parametrize(("given", "hands"), [("1", 1), ("4", 5), ("16", 20)])
def test_a_worker_has_more_in_hand_than_it_asks_for_at_once(
    given: str, hands: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_TENANTS_AT_ONCE", given)
    assert config.load(None).sync_hands == hands


@pytest.mark.parametrize("given", ["0", "-1", str(MOST_TENANTS_AT_ONCE + 1)])
def test_a_number_that_no_process_can_do_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SYNC_TENANTS_AT_ONCE", given)
    with pytest.raises(SettingError, match=r"between 1 and 64.*start more workers"):
        config.load(None)


def test_each_tenant_in_hand_has_a_connection_to_microsoft() -> None:
    assert MOST_TENANTS_AT_ONCE <= POOL_SIZE
