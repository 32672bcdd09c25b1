"""`flask integrations remove`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskCliRunner

from jobs import queue
from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from tests.webapp.integrations.conftest import Workers
from webapp.commands import waiting
from webapp.extensions import db
from webapp.models import Integration, License, Organization, Removal, RunState, Tenant, removal, utc_now

pytestmark = pytest.mark.usefixtures("workers")


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


def test_keep_data(integrations: Run, contoso: Integration, removals: list[int]) -> None:
    result = integrations("remove", "contoso", "--keep-data", "--confirm", "Contoso")
    assert result.exit_code == 0
    assert result.stdout == "Removed Contoso. Kept, marked as disconnected: 1 license, 1 tenant, 1 sync log.\n"
    assert (contoso.removal, removals) == (Removal.KEEP, [])
    assert db.session.query(License).count() == 1


def test_delete_data(integrations: Run, contoso: Integration, removals: list[int]) -> None:
    result = integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    assert result.exit_code == 0
    assert result.stdout == "Removing Contoso. To be deleted: 1 license, 1 tenant, 1 sync log.\n"
    assert (contoso.removal, removals) == (Removal.DELETE, [contoso.id])


def test_delete_data_and_wait(integrations: Run, contoso: Integration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "remove", lambda integration_id: None)

    def work(seconds: float) -> None:
        while removal.next_batch(db.session, contoso_id, utc_now()):
            db.session.commit()
        db.session.commit()

    contoso_id = contoso.id
    monkeypatch.setattr("time.sleep", work)
    result = integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso", "--wait")
    assert result.exit_code == 0
    assert "Removing ... 0 of 1 license" in result.stderr
    assert result.stdout.endswith("Removed Contoso, with all its data.\n")
    assert [db.session.query(model).count() for model in (Integration, Tenant, License, Organization)] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("is_reachable", "sentence"),
    [
        (True, "No worker is running. The removal goes on by itself when one does"),
        (False, "The job queue cannot be reached. The removal goes on by itself once it can"),
    ],
)
def test_waiting_ends_where_nobody_works(
    is_reachable: bool,
    sentence: str,
    integrations: Run,
    contoso: Integration,
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(integration_id: int) -> None:
        workers.alive, workers.is_reachable = 0, is_reachable

    monkeypatch.setattr(queue, "remove", lose)
    monkeypatch.setattr(waiting, "NO_WORKER_SECONDS", 0)
    result = integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso", "--wait")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert contoso.removal == Removal.DELETE


def test_waiting_says_where_the_database_answers_no_worker(
    integrations: Run, contoso: Integration, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "remove", lambda integration_id: None)
    contoso_id = contoso.id
    workers.cut_off = workers.alive

    def work(seconds: float) -> None:
        if not workers.without_database:
            workers.without_database = workers.alive
            return
        while removal.next_batch(db.session, contoso_id, utc_now()):
            db.session.commit()
        db.session.commit()

    monkeypatch.setattr("time.sleep", work)
    result = integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso", "--wait")
    first, second = result.stderr.splitlines()
    assert first == "Removing ... 0 of 1 license"
    assert second.startswith("All workers are cut off from the database")


@pytest.mark.parametrize("typed", ["contoso", "Fabrikam", ""])
def test_another_name_than_the_integrations_changes_nothing(
    integrations: Run, contoso: Integration, removals: list[int], typed: str
) -> None:
    result = integrations("remove", "Contoso", "--delete-data", "--confirm", typed)
    assert result.exit_code == 1
    assert "Type the integration's name, Contoso" in result.stderr
    assert (contoso.is_live, removals) == (True, [])


@pytest.mark.parametrize(
    "arguments", [("--confirm", "Contoso"), ("--keep-data",), ("--delete-data",), ("--keep", "--confirm", "Contoso")]
)
def test_words_that_are_missing_or_wrong_end_with_2(
    integrations: Run, contoso: Integration, arguments: tuple[str, ...]
) -> None:
    assert integrations("remove", "Contoso", *arguments).exit_code == 2
    assert contoso.is_live


@pytest.mark.parametrize("both", [("--keep-data", "--delete-data"), ("--delete-data", "--keep-data")])
def test_who_asks_to_keep_and_to_delete_loses_nothing(
    integrations: Run, contoso: Integration, removals: list[int], both: tuple[str, ...]
) -> None:
    result = integrations("remove", "Contoso", *both, "--confirm", "Contoso")
    assert (result.exit_code, removals) == (2, [])
    assert "Add --keep-data or --delete-data, not both" in result.stderr
    assert contoso.is_live


def test_an_integration_that_is_not_there(integrations: Run, contoso: Integration) -> None:
    result = integrations("remove", "Fabrikam", "--keep-data", "--confirm", "Fabrikam")
    assert result.exit_code == 1
    assert "There is no integration named Fabrikam. There are: Contoso." in result.stderr


def test_without_a_queue_nothing_is_deleted_and_data_can_be_kept_all_the_same(
    integrations: Run, contoso: Integration, workers: Workers
) -> None:
    workers.is_reachable = False
    assert integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso").exit_code == 1
    assert contoso.is_live
    assert integrations("remove", "Contoso", "--keep-data", "--confirm", "Contoso").exit_code == 0


@pytest.mark.parametrize("command", ["sync", "discover", "settings", "remove"])
def test_commands_end_with_a_sentence_while_it_is_removed(
    integrations: Run, contoso: Integration, removals: list[int], command: str
) -> None:
    integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    more = ("--keep-data", "--confirm", "Contoso") if command == "remove" else ()
    result = integrations(command, "Contoso", *more)
    assert result.exit_code == 1
    assert "Contoso is being removed" in result.stderr


def test_a_tenant_whose_data_is_being_deleted_is_not_matched(
    integrations: Run, contoso: Integration, removals: list[int], run_command: FlaskCliRunner
) -> None:
    integrations("remove", "Contoso", "--delete-data", "--confirm", "Contoso")
    tenant = db.session.query(Tenant).one()
    result = run_command.invoke(args=["tenants", "match", tenant.tenant_id, "New", "--create"])
    assert result.exit_code == 1
    assert "Contoso is being removed" in result.stderr
    db.session.rollback()
    assert db.session.query(Organization).count() == 1


def test_a_removed_integration_is_named_by_no_command(
    integrations: Run, contoso: Integration, run_command: FlaskCliRunner
) -> None:
    integrations("remove", "Contoso", "--keep-data", "--confirm", "Contoso")
    assert "There is no integration named Contoso. There is none yet" in integrations("sync", "Contoso").stderr
    assert integrations("list", "--json").stdout == "[]\n"
    tenants = run_command.invoke(args=["tenants", "list", "--json"]).stdout
    assert '"disconnected_at": "20' in tenants


def test_matching_all_leaves_out_the_tenants_of_removed_integrations(make: Make, run_command: FlaskCliRunner) -> None:
    now = utc_now() - timedelta(days=1)
    make.tenant(integration=make.integration(disconnected_at=now, removal=Removal.KEEP), name="Former")
    make.tenant(name="Present")
    run_command.invoke(args=["tenants", "match", "--create-organizations"])
    db.session.rollback()
    assert [row.name for row in db.session.query(Organization)] == ["Present"]
