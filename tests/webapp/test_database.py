"""Connections: each thread of a process gets one, and who falls asleep in a transaction holds up nobody for long."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from config import MOST_TENANTS_AT_ONCE
from webapp import create_app, database
from webapp.extensions import db


@pytest.mark.parametrize("at_once", [1, 16, MOST_TENANTS_AT_ONCE])
def test_each_thread_of_a_worker_gets_a_connection_without_waiting(app: Flask, at_once: int) -> None:
    crowded = create_app(replace(app.config["SETTINGS"], sync_tenants_at_once=at_once))
    with crowded.app_context():
        try:
            with ExitStack() as stack:
                # Those that sync, the one that takes jobs, and those that look after leases, versions and counts.
                for _ in range(at_once + 8):
                    connection = stack.enter_context(db.engine.connect())
                    assert connection.scalar(text("SELECT 1")) == 1
        finally:
            db.engine.dispose()


def test_a_transaction_that_nobody_goes_on_with_is_ended_by_postgresql(app: Flask) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no sessions")
    told = db.session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert told == f"{database.POSTGRESQL_IDLE_SECONDS // 60}min"
