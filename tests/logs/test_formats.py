"""A line of the log: what it says, in JSON and in text."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import datetime
from typing import Any

import pytest

from logs import log_context
from logs.formats import JsonLines, TextLines

RUN = {"run": 7, "tenant": "11111111-2222-4333-8444-555555555555"}


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("jobs.sync").makeRecord(
        "jobs.sync", logging.WARNING, "file.py", 1, message, args, None, extra=extra
    )


def failed(text: str) -> logging.LogRecord:
    made = record("it failed")
    try:
        raise ValueError(text)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    line = JsonLines().format(made)
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_of_json_says_when_how_bad_who_and_what() -> None:
    line = as_json(record("%s answered %s", "graph", 403))
    assert set(line) == {"time", "level", "logger", "message"}
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "jobs.sync", "graph answered 403")
    assert line["time"].endswith("Z")
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None


def test_it_says_what_it_is_about_from_the_context_and_from_what_was_given() -> None:
    with log_context(**RUN, part=None):
        with log_context(part=3):
            line = as_json(record("x", request_id="abc", status=403))
        outside = as_json(record("x"))
    assert {**RUN, "part": 3, "request_id": "abc", "status": 403}.items() <= line.items()
    assert RUN.items() <= outside.items()
    assert "part" not in outside
    assert "run" not in as_json(record("x"))


def test_the_context_of_one_thread_is_not_that_of_another() -> None:
    lines: list[dict[str, Any]] = []
    with log_context(run=1):
        thread = threading.Thread(target=lambda: lines.append(as_json(record("x"))))
        thread.start()
        thread.join()
    assert "run" not in lines[0]


def test_the_context_ends_with_an_error() -> None:
    with pytest.raises(ValueError, match="x"), log_context(run=1):
        raise ValueError("x")
    assert "run" not in as_json(record("x"))


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_no_secret_is_in_a_message_a_field_or_an_exception(formatter: logging.Formatter) -> None:
    secret = "EwBwA8l6BAAUO9chh8cJscQLmU"
    with log_context(about=f"Bearer {secret}"):
        lines = [
            formatter.format(record(f"Bearer {secret}")),
            formatter.format(record("sent %s", {"refresh_token": secret})),
            formatter.format(record("x", refresh_token=secret, given=f"client_secret={secret}")),
            formatter.format(record("x", given={"client_secret": secret})),
            formatter.format(failed(f"Authorization: Bearer {secret}")),
            formatter.format(record("%d", f"Bearer {secret}")),
        ]
    assert secret not in "\n".join(lines)
    assert "ValueError" in lines[4]


def test_an_exception_is_one_field_of_json_and_lines_of_text() -> None:
    assert as_json(failed("the cause"))["exception"].endswith("ValueError: the cause")
    assert TextLines().format(failed("the cause")).endswith("\n  ValueError: the cause")


def test_a_line_of_text_ends_with_what_it_is_about() -> None:
    with log_context(run=7):
        line = TextLines().format(record("hello", status=403))
    assert line.endswith("WARNING jobs.sync hello [run=7 status=403]")


def test_a_line_of_text_says_how_far_its_time_is_from_utc() -> None:
    made = record("hello")
    time = TextLines().format(made).partition(" WARNING")[0]
    assert datetime.fromisoformat(time).timestamp() == pytest.approx(made.created, abs=0.001)
    assert datetime.fromisoformat(time).tzinfo is not None


def test_others_text_cannot_pass_for_a_line() -> None:
    forged = "x\n2026-01-01 00:00:00,000 INFO webapp all is well\u2028\x1b[2J"
    line = TextLines().format(record("Microsoft said %s", forged, given=forged))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert as_json(record("%s", forged))["message"] == forged


def test_others_text_in_an_exception_cannot_pass_for_a_line_either() -> None:
    forged = "x\r\n2026-01-01 00:00:00,000 INFO webapp all is well\u2028\x1b[2J"
    _, *others = TextLines().format(failed(forged)).split("\n")
    assert others
    assert all(line.startswith("  ") and line.isprintable() for line in others)
    assert as_json(failed(forged))["exception"].endswith(forged)


def test_a_message_whose_values_do_not_fit_is_told_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(record("%s and %s", "hidden"))["message"] == "%s and %s (whose values could not be put in)"
    assert capsys.readouterr().err == ""


def test_endless_text_is_cut() -> None:
    line = as_json(record("x" * 5_000_000, given="y" * 5_000_000))
    assert len(line["message"]) < 20_000
    assert len(line["given"]) < 20_000
    for length in (900_000, 2_000_000):
        exception = as_json(failed("z" * length + " password=hunter2 and the end"))["exception"]
        assert len(exception) < 20_000
        assert exception.endswith("and the end")
        assert "hunter2" not in exception
