"""A schedule is started by nothing but its bare name."""

from __future__ import annotations

import sys

import pytest

from jobs import schedule


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--once", 2), ("now", 2)])
def test_who_asks_for_help_or_mistypes_starts_no_schedule(
    argument: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["schedule.py", argument])
    monkeypatch.setattr(schedule, "app_or_end", lambda: pytest.fail("It was started."))
    with pytest.raises(SystemExit) as ended:
        schedule.main()
    assert ended.value.code == code
    assert "usage: python -m jobs.schedule" in "".join(capsys.readouterr())
