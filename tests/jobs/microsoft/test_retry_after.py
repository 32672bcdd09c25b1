"""How long an answer asks to wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from jobs.microsoft.retry_after import LONGEST_SECONDS, http_date, retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("30, 120", 120),
        ("30, Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_SECONDS),
        ("Wed, 21 Oct 2015 07:28:00 GMT, 30", 30),
        ("soon, 30", 30),
        ("nan, 30", 30),
        ("0", None),
        ("-3", None),
        ("nan", None),
        ("1000000000", LONGEST_SECONDS),
        ("9" * 500, LONGEST_SECONDS),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_SECONDS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        (None, None),
        ("", None),
        ("soon", None),
        ("Mon, 32 Jan 2024 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999", None),
    ],
)
def test_it_is_read_from_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_a_date_is_counted_from_now_and_never_undercut() -> None:
    now = datetime.now(UTC)
    seconds = retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    # The header has whole seconds; what it leaves out is waited, too.
    assert now + timedelta(seconds=90) <= datetime.now(UTC) + timedelta(seconds=seconds) < now + timedelta(seconds=95)


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", ""])
def test_a_date_without_a_zone_is_in_universal_time(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert http_date(f"Wed, 21 Oct 2015 07:28:00 {zone}") == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("off_by", [timedelta(days=-400), timedelta(), timedelta(days=400)])
def test_a_clock_that_is_wrong_here_does_not_matter_where_the_answer_has_a_date(off_by: timedelta) -> None:
    there = datetime.now(UTC) + off_by
    seconds = retry_after(format_datetime(there + timedelta(seconds=90), usegmt=True), there)
    assert seconds is not None
    assert 90 <= seconds <= 91
