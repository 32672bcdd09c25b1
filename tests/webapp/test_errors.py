"""Errors: a page, a notice under HTMX, JSON for programs; never a traceback."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from typing import NoReturn

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import TooManyRequests

from jobs.queue import NoWorker, QueueUnavailable
from tests.support.browser import HTMX
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Organization

JSON = {"Accept": "application/json"}
LOCKED = OperationalError("SELECT s3cret", {}, Exception("database is locked"))

Fail = Callable[[Exception], None]


@pytest.fixture
def fail_with(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let the start page raise this error, as in production, where it is not passed on to the test."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)

    def set_up(error: Exception) -> None:
        def view() -> NoReturn:
            raise error

        monkeypatch.setitem(app.view_functions, "home", view)

    return set_up


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 429, 500, 503, 418])
def test_each_error_has_a_page_of_ours(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setitem(app.view_functions, "home", lambda: abort(code))
    answer = client.get("/")
    assert answer.status_code == code
    assert answer.mimetype == "text/html"
    assert "Seatledger" in answer.text
    assert len(re.findall("<h1", answer.text)) == 1
    assert "btn btn-primary" in answer.text


@pytest.mark.parametrize("code", [400, 403, 404, 413, 429, 500, 503])
def test_under_htmx_it_is_a_notice_and_the_page_stays(
    app: Flask, as_reader: FlaskClient, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setitem(app.view_functions, "home", lambda: abort(code))
    answer = as_reader.get("/", headers=HTMX)
    assert answer.status_code == code
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#notices", "innerHTML")
    assert 'class="alert ' in answer.text
    assert "<html" not in answer.text


def test_a_page_that_htmx_restores_gets_the_whole_error_page(as_reader: FlaskClient) -> None:
    answer = as_reader.get("/nowhere", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in answer.text
    assert "HX-Retarget" not in answer.headers


@pytest.mark.parametrize(("headers", "address"), [(JSON, "/nowhere"), ({}, "/nowhere?format=json")])
def test_a_program_gets_json(client: FlaskClient, headers: dict[str, str], address: str) -> None:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 404
    assert answer.json == {
        "error": "There is nothing here. The address is mistyped, or what it showed is gone. Look for it in the lists."
    }


def test_a_browser_gets_a_page_though_it_takes_anything(client: FlaskClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == "text/html"


def test_who_is_signed_in_keeps_the_menu(client: FlaskClient, as_reader: FlaskClient) -> None:
    assert 'id="menu"' in as_reader.get("/nowhere").text
    assert 'id="menu"' not in client.get("/nowhere").text


def test_a_reason_given_by_the_view_is_shown_as_text(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.view_functions, "home", lambda: abort(404, "There is no tenant <b>x</b>."))
    assert "There is no tenant &lt;b&gt;x&lt;/b&gt;." in client.get("/").text


def test_an_error_says_which_methods_are_allowed(client: FlaskClient) -> None:
    answer = client.get("/sign-out")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "in 1 second"),
        (40, "in 40 seconds"),
        (60, "in a minute"),
        (61, "in 2 minutes"),
        (300, "in 5 minutes"),
    ],
)
def test_a_throttled_answer_says_when_to_try_again(
    client: FlaskClient, fail_with: Fail, seconds: int, words: str
) -> None:
    fail_with(TooManyRequests(retry_after=seconds))
    answer = client.get("/")
    assert answer.headers.getlist("Retry-After") == [str(seconds)]
    assert f"Try again {words}." in answer.text


def test_too_much_at_once_is_refused(client: FlaskClient, make: Make) -> None:
    make.user()
    answer = client.post("/sign-in", data={"email": "x" * 2_000_000, "password": "x"})
    assert answer.status_code == 413
    assert "1 MB" in answer.text


def test_a_body_that_is_not_in_chunks_though_it_says_so_cannot_be_read(
    client: FlaskClient, fail_with: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(InvalidChunkSize(b"zz"))
    answer = client.get("/")
    assert answer.status_code == 400
    assert "This request could not be read" in answer.text
    assert caplog.records == []


def test_a_form_out_of_date_is_explained_and_can_be_opened_again(
    app: Flask, client: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    make.user()
    answer = client.post("/sign-in", data={"email": "a@msp.example", "password": "x"})
    assert answer.status_code == 400
    assert "This form is out of date" in answer.text
    assert 'href="/sign-in"' in answer.text
    assert 'href="/sign-out"' not in client.post("/sign-out").text


def test_an_unexpected_error_shows_a_reference_that_the_log_has(
    client: FlaskClient, fail_with: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(RuntimeError("s3cret"))
    answer = client.get("/")
    assert answer.status_code == 500
    assert "s3cret" not in answer.text
    reference = re.search(r"<code[^>]*>([0-9a-f]{8})</code>", answer.text)
    assert reference is not None
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert reference[1] in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def test_an_unexpected_error_gives_its_reference_to_programs_and_under_htmx(
    client: FlaskClient, fail_with: Fail
) -> None:
    fail_with(RuntimeError())
    told = client.get("/", headers=JSON).json
    assert told is not None
    assert re.fullmatch("[0-9a-f]{8}", told["reference"])
    assert re.search(r"<code>[0-9a-f]{8}</code>", client.get("/", headers=HTMX).text)


def test_what_a_request_s_path_holds_makes_no_line_in_the_log(
    app: Flask, client: FlaskClient, fail_with: Fail, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(RuntimeError())
    monkeypatch.setattr(app, "full_dispatch_request", app.view_functions["home"])
    client.get("/a%0aforged line")
    assert "\n" not in caplog.records[-1].getMessage()


def test_the_page_of_an_unexpected_error_asks_the_database_nothing(
    as_reader: FlaskClient, fail_with: Fail, count_queries: list[str]
) -> None:
    fail_with(RuntimeError())
    assert as_reader.get("/").status_code == 500
    assert count_queries == []


def test_an_error_page_that_cannot_be_drawn_is_plain_text(
    app: Flask, client: FlaskClient, fail_with: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> NoReturn:
        raise FileNotFoundError(name)

    fail_with(RuntimeError())
    monkeypatch.setattr(app.jinja_env, "get_template", missing)
    answer = client.get("/")
    assert answer.status_code == 500
    assert re.search("Something went wrong here.*[0-9a-f]{8}", answer.text)


@pytest.mark.parametrize("error", [LOCKED, InterfaceError("SELECT s3cret", {}, Exception("connection already closed"))])
def test_a_database_that_does_not_answer_is_no_traceback(
    client: FlaskClient, as_reader: FlaskClient, fail_with: Fail, error: Exception
) -> None:
    fail_with(error)
    for answer in (client.get("/"), as_reader.get("/"), as_reader.get("/", headers=HTMX)):
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text
        assert "s3cret" not in answer.text
        assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("error", [LOCKED, NoConnectionFree("none is free")])
def test_a_database_that_does_not_answer_is_a_warning_on_one_line(
    client: FlaskClient, fail_with: Fail, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    fail_with(error)
    client.get("/")
    [record] = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert re.fullmatch(
        "The database does not answer at GET '/': (database is locked|none is free)", record.getMessage()
    )


def test_a_notice_that_passes_is_taken_back_by_itself(client: FlaskClient, fail_with: Fail) -> None:
    """The page's script removes what has this id with the next answer that succeeds."""
    fail_with(LOCKED)
    assert 'id="connection-lost"' in client.get("/", headers=HTMX).text
    fail_with(RuntimeError())
    assert 'id="connection-lost"' not in client.get("/", headers=HTMX).text


# A server that does not answer, and a file that is not there.
_GONE = ("The database does not answer", "The database&#39;s file cannot be opened")


def test_every_page_says_so_when_the_database_is_gone(without_database: FlaskClient) -> None:
    with without_database.session_transaction() as session:
        session["_user_id"] = "the token of a session"
    for address in ("/", "/sign-in", "/account/password", "/setup"):
        answer = without_database.get(address)
        assert answer.status_code == 503
        assert any(said in answer.text for said in _GONE)
    missing = without_database.get("/nowhere")
    assert missing.status_code == 404
    assert 'id="menu"' not in missing.text


def test_a_form_cut_short_by_the_database_saves_nothing(
    app: Flask, as_reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_half() -> NoReturn:
        db.session.add(Organization(name="Half"))
        db.session.flush()
        raise LOCKED

    monkeypatch.setitem(app.view_functions, "auth.sign_out", save_half)
    assert as_reader.post("/sign-out").status_code == 503
    assert db.session.query(Organization).count() == 0


def test_a_transaction_that_broke_does_not_break_the_error_page(
    app: Flask, as_reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL an error ends the transaction: whoever asks for the user's e-mail address then gets another one."""

    def break_off() -> NoReturn:
        try:
            db.session.execute(text("SELECT nothing FROM nowhere"))
        except Exception:
            abort(404)
        raise AssertionError

    monkeypatch.setitem(app.view_functions, "auth.password", break_off)
    assert as_reader.get("/account/password").status_code == 404


@pytest.mark.parametrize("error", [QueueUnavailable(), NoWorker()])
def test_a_queue_that_does_not_answer_is_said_in_its_sentence(
    as_reader: FlaskClient, fail_with: Fail, error: Exception
) -> None:
    fail_with(error)
    answer = as_reader.get("/", headers=JSON)
    assert answer.status_code == 503
    assert answer.json is not None
    assert str(error) in answer.json["error"]


def test_notices_are_one_live_region_with_none_in_it(as_reader: FlaskClient) -> None:
    """What a live region holds is read out; an alert in it would be read out twice."""
    as_reader.post("/sign-out")
    html = as_reader.get("/sign-in").text
    notices = html.split('id="notices"')[1].split("</div>\n    <")[0]
    assert notices.startswith(' role="status" aria-live="polite">')
    assert "You are signed out." in notices
    assert 'role="alert"' not in notices


def test_an_upload_for_which_the_disk_has_no_room_is_told_of_in_words(
    client: FlaskClient, fail_with: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(OSError(errno.ENOSPC, "No space left on device"))
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Nothing was changed" in answer.text
    assert "TMPDIR" in answer.text
    assert "Traceback" not in caplog.text


def test_what_else_the_system_refuses_is_a_fault_of_ours(client: FlaskClient, fail_with: Fail) -> None:
    fail_with(OSError(errno.EINVAL, "Invalid argument"))
    assert client.get("/").status_code == 500
