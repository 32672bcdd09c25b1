"""`flask integrations settings --every`, `pause` and `resume`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Integration, utc_now
from webapp.models.schedule import next_slot

NEXT = datetime(2126, 5, 20, 11, 37, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def flask(run_command: FlaskCliRunner) -> Run:
    def run(*args: str) -> Result:
        result = run_command.invoke(args=["integrations", *args])
        db.session.rollback()
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def stored() -> Integration:
    return db.session.query(Integration).populate_existing().one()


@pytest.mark.parametrize(("every", "hours", "words"), [("2", 2, "Every 2 hours, next "), ("manual", 0, "Manual only")])
def test_how_often_is_set_and_printed(every: str, hours: int, words: str, flask: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT)
    assert "automatic sync: Every hour, next 2126-05-20 11:37 UTC" in flask("settings", "Contoso").stdout
    result = flask("settings", "Contoso", "--every", every)
    assert f"automatic sync: {words}" in result.stdout
    assert "licenses: yes" in result.stdout
    assert stored().sync_every_hours == hours
    expected = None if every == "manual" else next_slot(stored().id, 2, utc_now())
    assert stored().next_sync_at == expected


def test_both_settings_are_set_by_one_command(flask: Run, make: Make) -> None:
    make.integration(name="Contoso")
    assert flask("settings", "Contoso", "--no-licenses", "--every", "24").exit_code == 0
    assert (stored().sync_licenses, stored().sync_every_hours) == (False, 24)


@pytest.mark.parametrize("every", ["3", "0", "-1", "hourly", ""])
def test_an_interval_that_is_not_offered_is_refused_with_those_that_are(every: str, flask: Run, make: Make) -> None:
    make.integration(name="Contoso")
    result = flask("settings", "Contoso", "--no-licenses", f"--every={every}")
    assert result.exit_code == 2
    assert "'24'" in result.stderr
    assert "'manual'" in result.stderr
    assert (stored().sync_licenses, stored().sync_every_hours) == (True, 1)


def test_pause_and_resume(flask: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT)
    assert "Contoso is paused" in flask("pause", "contoso").stdout
    assert stored().next_sync_at is None
    assert "paused since" in flask("settings", "Contoso").stdout
    (record,) = json.loads(flask("list", "--json").stdout)
    assert (record["sync_every_hours"], record["paused"], record["next_sync_at"]) == (1, True, None)
    assert "automatic sync: Every hour, next " in flask("resume", "Contoso").stdout
    assert stored().paused_at is None
    (record,) = json.loads(flask("list", "--json").stdout)
    assert record["paused"] is False
    assert datetime.fromisoformat(record["next_sync_at"]) == stored().next_sync_at


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_integration_that_does_not_exist_is_named(command: str, flask: Run) -> None:
    result = flask(command, "Contoso")
    assert result.exit_code == 1
    assert "There is no integration named Contoso." in result.stderr


def test_list_shows_how_often_and_when_next(flask: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT, sync_every_hours=12)
    heading, row = flask("list").stdout.splitlines()
    for word in ("sync_every_hours", "paused", "next_sync_at"):
        assert word in heading
    assert "2126-05-20 11:37:00Z" in row
