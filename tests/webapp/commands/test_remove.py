"""`flask integrations remove`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from jobs import queue
from tests.support.factories import Make
from tests.webapp.integrations.conftest import Workers, workers
from webapp.commands import waiting
from webapp.extensions import db
from webapp.models import Integration, License, Organization, Removal, RunState, Tenant, removal, utc_now

__all__ = ["workers"]

Run = Callable[..., Result]


@pytest.fixture
def flask(run_command: FlaskCliRunner, workers: Workers) -> Run:
    def run(*args: str) -> Result:
        result = run_command.invoke(args=["integrations", *args])
        db.session.rollback()
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def removals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    enqueued: list[int] = []
    monkeypatch.setattr(queue, "remove", enqueued.append)
    return enqueued


@pytest.fixture
def contoso(make: Make) -> Integration:
    integration = make.integration(name="Contoso")
    make.license(tenant=make.tenant(integration=integration, organization=make.organization(name="Contoso Ltd")))
    make.run(integration=integration, state=RunState.OK)
    return integration


def test_keep_data(flask: Run, contoso: Integration, removals: list[int]) -> None:
    result = flask("remove", "contoso", "--keep-data", "--confirm", "Contoso")
    assert result.exit_code == 0
    assert result.stdout == "Removed Contoso. Kept, marked as disconnected: 1 license, 1 tenant, 1 sync log.\n"
    assert (contoso.removal, removals) == (Removal.KEEP, [])
    assert db.session.query(License).count() == 1


def test_delete_data(flask: Run, contoso: Integration, removals: list[int]) -> None:
    result = flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    assert result.exit_code == 0
    assert result.stdout == "Removing Contoso. To be deleted: 1 license, 1 tenant, 1 sync log.\n"
    assert (contoso.removal, removals) == (Removal.DELETE, [contoso.id])


def test_delete_data_and_wait(flask: Run, contoso: Integration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "remove", lambda integration_id: None)

    def work(seconds: float) -> None:
        while removal.next_batch(db.session, contoso_id, utc_now()):
            db.session.commit()
        db.session.commit()

    contoso_id = contoso.id
    monkeypatch.setattr("time.sleep", work)
    result = flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso", "--wait")
    assert result.exit_code == 0
    assert "Removing … 0 of 1 licenses" in result.stderr
    assert result.stdout.endswith("Removed Contoso, with all its data.\n")
    assert [db.session.query(model).count() for model in (Integration, Tenant, License, Organization)] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("alive", "sentence"),
    [
        (0, "No worker is running. The removal goes on by itself when one does"),
        (None, "The job queue cannot be reached. The removal goes on by itself once it can"),
    ],
)
def test_waiting_ends_where_nobody_works(
    alive: int | None,
    sentence: str,
    flask: Run,
    contoso: Integration,
    removals: list[int],
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "workers_alive", lambda: alive)
    monkeypatch.setattr(waiting, "NO_WORKER_SECONDS", 0)
    result = flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso", "--wait")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert contoso.removal == Removal.DELETE


@pytest.mark.parametrize("typed", ["contoso", "Fabrikam", ""])
def test_another_name_than_the_integrations_changes_nothing(
    flask: Run, contoso: Integration, removals: list[int], typed: str
) -> None:
    result = flask("remove", "Contoso", "--delete-data", "--confirm", typed)
    assert result.exit_code == 1
    assert "Type the integration's name, Contoso" in result.stderr
    assert (contoso.is_live, removals) == (True, [])


@pytest.mark.parametrize(
    "arguments", [("--confirm", "Contoso"), ("--keep-data",), ("--delete-data",), ("--keep", "--confirm", "Contoso")]
)
def test_words_that_are_missing_or_wrong_end_with_2(
    flask: Run, contoso: Integration, arguments: tuple[str, ...]
) -> None:
    assert flask("remove", "Contoso", *arguments).exit_code == 2
    assert contoso.is_live


def test_an_integration_that_is_not_there(flask: Run, contoso: Integration) -> None:
    result = flask("remove", "Fabrikam", "--keep-data", "--confirm", "Fabrikam")
    assert result.exit_code == 1
    assert "There is no integration named Fabrikam. There are: Contoso." in result.stderr


def test_without_a_queue_nothing_is_deleted_and_data_can_be_kept_all_the_same(
    flask: Run, contoso: Integration, workers: Workers
) -> None:
    workers.is_reachable = False
    assert flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso").exit_code == 1
    assert contoso.is_live
    assert flask("remove", "Contoso", "--keep-data", "--confirm", "Contoso").exit_code == 0


@pytest.mark.parametrize("command", ["sync", "discover", "settings", "remove"])
def test_commands_end_with_a_sentence_while_it_is_removed(
    flask: Run, contoso: Integration, removals: list[int], command: str
) -> None:
    flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    more = ("--keep-data", "--confirm", "Contoso") if command == "remove" else ()
    result = flask(command, "Contoso", *more)
    assert result.exit_code == 1
    assert "Contoso is being removed" in result.stderr


def test_a_tenant_whose_data_is_being_deleted_is_not_matched(
    flask: Run, contoso: Integration, removals: list[int], run_command: FlaskCliRunner
) -> None:
    flask("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    tenant = db.session.query(Tenant).one()
    result = run_command.invoke(args=["tenants", "match", tenant.tenant_id, "New", "--create"])
    assert result.exit_code == 1
    assert "Contoso is being removed" in result.stderr
    db.session.rollback()
    assert db.session.query(Organization).count() == 1


def test_a_removed_integration_is_named_by_no_command(
    flask: Run, contoso: Integration, run_command: FlaskCliRunner
) -> None:
    flask("remove", "Contoso", "--keep-data", "--confirm", "Contoso")
    assert "There is no integration named Contoso. There is none yet" in flask("sync", "Contoso").stderr
    assert flask("list", "--json").stdout == "[]\n"
    tenants = run_command.invoke(args=["tenants", "list", "--json"]).stdout
    assert '"disconnected_at": "20' in tenants


def test_matching_all_leaves_out_the_tenants_of_removed_integrations(make: Make, run_command: FlaskCliRunner) -> None:
    now = utc_now() - timedelta(days=1)
    make.tenant(integration=make.integration(disconnected_at=now, removal=Removal.KEEP), name="Former")
    make.tenant(name="Present")
    run_command.invoke(args=["tenants", "match", "--create-organizations"])
    db.session.rollback()
    assert [row.name for row in db.session.query(Organization)] == ["Present"]
