"""Workers that are there, and cut off from the database or from Microsoft: they do not count as workers that work."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from jobs import queue, skew, worker
from jobs.microsoft import contact
from tests.support.settings import new_key, with_keys
from webapp import schema_version
from webapp.doctor.finding import Health
from webapp.doctor.queues import check_hindered, check_workers

HOST, ANOTHER_HOST = "graph.example", "graph.another.example"


def reports(name: str, *queues: str, answered: str = "", missed: str = "", has_database: bool = True) -> None:
    queue.report_worker(name, queues or queue.QUEUES)
    queue.report_reached(name, answered.split(), missed.split(), has_database=has_database)


@pytest.mark.usefixtures("app")
def test_who_misses_a_host_that_answers_others_is_hindered_by_it() -> None:
    reports("well", answered=HOST)
    reports("cut-off", answered=ANOTHER_HOST, missed=HOST)
    assert queue.workers_hindered() == {"cut-off": [HOST]}
    reports("cut-off", answered=HOST)
    assert queue.workers_hindered() == {}


@pytest.mark.usefixtures("app")
def test_a_host_that_answers_nobody_hinders_nobody() -> None:
    reports("one", answered=ANOTHER_HOST, missed=HOST)
    reports("two", missed=HOST)
    assert queue.workers_hindered() == {}


def test_an_outage_that_begins_for_all_hinders_nobody_though_each_was_answered_just_before(
    app: Flask, client: FlaskClient
) -> None:
    for name in ("one", "two"):
        reports(name, answered=HOST)
    for name in ("one", "two"):
        reports(name, missed=HOST)
    assert queue.workers_hindered() == {}
    assert not queue.answers_others("one", HOST, queue.QUEUES)
    assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("app")
def test_who_gets_no_answer_of_the_database_is_hindered_by_it() -> None:
    reports("well", queue.SYNC)
    reports("cut-off", queue.SYNC, has_database=False)
    assert queue.workers_hindered() == {"cut-off": [queue.DATABASE]}
    assert queue.workers_by_queue()[queue.SYNC] == queue.Workers(alive=2, cut_off=1, without_database=1)
    assert queue.workers_by_queue()[queue.UPKEEP] == queue.Workers(alive=0)


@pytest.mark.usefixtures("app")
def test_who_misses_only_microsoft_still_does_what_needs_the_database_alone() -> None:
    reports("well", queue.SYNC, answered=HOST)
    reports("cut-off", queue.UPKEEP, missed=HOST)
    workers = queue.workers_by_queue()[queue.UPKEEP]
    assert (workers.are_all_cut_off, workers.are_all_without_database) == (True, False)
    reports("cut-off", queue.UPKEEP, missed=HOST, has_database=False)
    assert queue.workers_by_queue()[queue.UPKEEP].are_all_without_database


def test_who_is_of_another_installation_is_nobody_s_concern(app: Flask) -> None:
    with with_keys(app, new_key()):
        reports("theirs", has_database=False)
    assert queue.workers_hindered() == {}


def test_a_worker_says_what_it_is_cut_off_from_and_no_more_once_it_is_not(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, away = schema_version.look, OperationalError("SELECT", {}, Exception("refused"))

    def look_in_vain() -> object:
        raise away

    def hindered_while_one_works() -> list[list[str]]:
        worker.work(app, burst=True)
        return list(queue.workers_hindered().values())

    monkeypatch.setattr(queue, "forget_worker", lambda *given: None)
    monkeypatch.setattr(skew, "look", look_in_vain)
    skew._look(app)
    assert hindered_while_one_works() == [[queue.DATABASE]]
    queue.connection().flushdb()
    monkeypatch.setattr(skew, "look", look)
    skew._look(app)
    contact._missed[HOST] = time.monotonic()
    reports("well", answered=HOST)
    assert hindered_while_one_works() == [[HOST]]
    contact.note_answer(f"https://{HOST}/v1.0/users")
    queue.connection().flushdb()
    assert hindered_while_one_works() == []


def test_not_ready_where_all_workers_are_cut_off(client: FlaskClient) -> None:
    reports("one", has_database=False)
    reports("two", queue.SYNC, missed=HOST)
    reports("attendant", queue.INTERACTIVE, answered=HOST)
    answer = client.get("/readyz")
    assert answer.json is not None
    assert (answer.status_code, answer.json["workers"]) == (503, 0)
    assert answer.json["problems"] == [
        "All workers are cut off from the database or from Microsoft: `flask doctor` names them and says what to do."
    ]
    reports("three", queue.SYNC)
    answer = client.get("/readyz")
    assert answer.json is not None
    assert (answer.status_code, answer.json["workers"]) == (200, 1)


@pytest.mark.usefixtures("app")
def test_the_doctor_says_nothing_of_what_hinders_nobody() -> None:
    reports("one", answered=HOST)
    reports("two")
    assert list(check_hindered()) == []
    assert {finding.health for finding in check_workers()} == {Health.OK}


@pytest.mark.usefixtures("app")
def test_the_doctor_names_who_is_cut_off_and_from_what_and_says_what_to_do() -> None:
    reports("well", answered=f"{HOST} {ANOTHER_HOST}")
    reports("one", missed=HOST)
    reports("two", missed=f"{HOST} {ANOTHER_HOST}")
    reports("three", has_database=False)
    database, *hosts = check_hindered()
    assert {finding.health for finding in (database, *hosts)} == {Health.WARNING}
    assert database.text.endswith("do nothing until it does: three.")
    assert "DATABASE_URL" in database.fix
    assert [finding.text for finding in hosts] == [
        f"{ANOTHER_HOST} answers others, and these workers get no connection to it, and leave work to the others: two.",
        f"{HOST} answers others, and these workers get no connection to it, and leave work to the others: one and two.",
    ]
    assert f"it must reach https://{HOST}." in hosts[1].fix
    assert {finding.health for finding in check_workers()} == {Health.OK}
    assert {finding.text.split()[0] for finding in check_workers()} == {"1"}


@pytest.mark.usefixtures("app")
def test_workers_of_a_queue_that_are_all_cut_off_fail_the_doctor() -> None:
    reports("attendant", queue.INTERACTIVE, queue.UPKEEP, answered=HOST)
    reports("one", has_database=False)
    found = {finding.text: finding for finding in check_workers()}
    assert [finding.health for finding in found.values()] == [Health.OK, Health.OK, Health.FAILED, Health.FAILED]
    ill = found["All workers that take jobs of the queue sync are cut off."]
    assert ill.fix == "What they are cut off from is said below: see to that, or start workers on another machine."
