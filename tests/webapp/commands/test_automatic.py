"""`flask integrations settings --every`, `pause` and `resume`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from webapp.extensions import db
from webapp.models import Integration, utc_now
from webapp.models.schedule import next_slot

NEXT = datetime(2126, 5, 20, 11, 37, tzinfo=UTC)


def stored() -> Integration:
    return db.session.query(Integration).populate_existing().one()


@pytest.mark.parametrize(("every", "hours", "words"), [("2", 2, "Every 2 hours, next "), ("manual", 0, "Manual only")])
def test_how_often_is_set_and_printed(every: str, hours: int, words: str, integrations: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT)
    assert "automatic sync: Every hour, next 2126-05-20 11:37 UTC" in integrations("settings", "Contoso").stdout
    result = integrations("settings", "Contoso", "--every", every)
    assert f"automatic sync: {words}" in result.stdout
    assert "licenses: yes" in result.stdout
    assert stored().sync_every_hours == hours
    expected = None if every == "manual" else next_slot(stored().id, 2, utc_now())
    assert stored().next_sync_at == expected


def test_both_settings_are_set_by_one_command(integrations: Run, make: Make) -> None:
    make.integration(name="Contoso")
    assert integrations("settings", "Contoso", "--no-licenses", "--every", "24").exit_code == 0
    assert (stored().sync_licenses, stored().sync_every_hours) == (False, 24)


@pytest.mark.parametrize("every", ["3", "0", "-1", "hourly", ""])
def test_an_interval_that_is_not_offered_is_refused_with_those_that_are(
    every: str, integrations: Run, make: Make
) -> None:
    make.integration(name="Contoso")
    result = integrations("settings", "Contoso", "--no-licenses", f"--every={every}")
    assert result.exit_code == 2
    assert "'24'" in result.stderr
    assert "'manual'" in result.stderr
    assert (stored().sync_licenses, stored().sync_every_hours) == (True, 1)


def test_pause_and_resume(integrations: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT)
    assert "Contoso is paused" in integrations("pause", "contoso").stdout
    assert stored().next_sync_at is None
    assert "paused since" in integrations("settings", "Contoso").stdout
    (record,) = json.loads(integrations("list", "--json").stdout)
    assert (record["sync_every_hours"], record["paused"], record["next_sync_at"]) == (1, True, None)
    assert "automatic sync: Every hour, next " in integrations("resume", "Contoso").stdout
    assert stored().paused_at is None
    (record,) = json.loads(integrations("list", "--json").stdout)
    assert record["paused"] is False
    assert datetime.fromisoformat(record["next_sync_at"]) == stored().next_sync_at


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_integration_that_does_not_exist_is_named(command: str, integrations: Run) -> None:
    result = integrations(command, "Contoso")
    assert result.exit_code == 1
    assert "There is no integration named Contoso." in result.stderr


def test_list_shows_how_often_and_when_next(integrations: Run, make: Make) -> None:
    make.integration(name="Contoso", next_sync_at=NEXT, sync_every_hours=12)
    heading, row = integrations("list").stdout.splitlines()
    for word in ("sync_every_hours", "paused", "next_sync_at"):
        assert word in heading
    assert "2126-05-20 11:37:00Z" in row
