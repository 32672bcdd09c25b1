"""Settings for tests: all of them given, so that nothing of the machine's environment leaks in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from flask import Flask

from config import Settings


def make_settings(data_dir: Path, **changes: Any) -> Settings:
    defaults = Settings(
        data_dir=data_dir,
        database_url=f"sqlite:///{data_dir / 'seatledger.db'}",
        redis_url=f"unix://{data_dir / 'redis.sock'}",
        redis_is_embedded=False,
        host="127.0.0.1",
        port=8000,
        secret_key="a key for tests",
        encryption_keys=(Fernet.generate_key().decode(),),
        microsoft_login_url=None,
        microsoft_graph_url=None,
        microsoft_ca_bundle=None,
        sync_workers=1,
        sync_tenants_at_once=1,
        trusted_proxies=0,
        run_log_days=90,
    )
    return replace(defaults, **changes)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a process reads them; whatever else it would find in this process's environment, it finds."""
    given = {
        "DATA_DIR": settings.data_dir,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SYNC_TENANTS_AT_ONCE": settings.sync_tenants_at_once,
        "HOST": settings.host,
        "PORT": settings.port,
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": " ".join(settings.encryption_keys),
        "MICROSOFT_LOGIN_URL": settings.microsoft_login_url or "",
        "MICROSOFT_GRAPH_URL": settings.microsoft_graph_url or "",
        "MICROSOFT_CA_BUNDLE": settings.microsoft_ca_bundle or "",
    }
    return {**os.environ, **{name: str(value) for name, value in given.items()}}


@contextmanager
def with_keys(app: Flask, *keys: str) -> Iterator[None]:
    """As a process of an installation that has these keys."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, encryption_keys=keys)
    try:
        yield
    finally:
        app.config["SETTINGS"] = before


def new_key() -> str:
    return Fernet.generate_key().decode()
