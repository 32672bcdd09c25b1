"""Who logs what where, in a process of its own: configuring logging here would take pytest's away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import BASE_DIR, load
from settings.errors import SettingError

SCRIPT = """
import logging, threading, warnings
from redis.exceptions import ConnectionError
from config import load
from logs import configure
settings = load(None)
configure(settings)
for name in ("jobs.x", "webapp", "urllib3.connectionpool", "gunicorn.error"):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(name).log(level, "hello")
for _ in range(2):
    logging.getLogger("rq.worker").error("could not connect: %s", ConnectionError("refused"))
warnings.warn("old")
logging.getLogger("webapp").warning("the key is %s, the token %s", settings.secret_key, settings.metrics_token)
def end(): raise RuntimeError("in a thread")
thread = threading.Thread(target=end)
thread.start()
thread.join()
raise RuntimeError("at the end, with client_secret=hunter2")
"""


def lines_of(tmp_path: Path, **settings: str) -> list[str]:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(BASE_DIR), **settings}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_line_is_json_and_none_has_a_secret(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "a key of one's own", "METRICS_TOKEN": "a-token-of-some-length"}
    lines = lines_of(tmp_path, LOG_FORMAT="json", **secrets)
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    by_logger = {name: [line["level"] for line in told if line["logger"] == name] for name in ("jobs.x", "webapp")}
    assert by_logger == {"jobs.x": ["INFO", "WARNING"], "webapp": ["INFO", "WARNING", "WARNING"]}
    assert [line["level"] for line in told if line["logger"] == "gunicorn.error"] == ["INFO", "WARNING"]
    assert [line["level"] for line in told if line["logger"].startswith("urllib3")] == ["WARNING"]
    assert [line["logger"] for line in told if "old" in line["message"]] == ["py.warnings"]
    outages = [(line["level"], line["message"]) for line in told if line["logger"] == "rq.worker"]
    assert outages == [("WARNING", "Redis does not answer: refused")]
    ends = [line["exception"] for line in told if line["level"] == "CRITICAL"]
    assert ["in a thread" in ends[0], "at the end" in ends[1]] == [True, True]
    text = "\n".join(lines)
    assert not [secret for secret in (*secrets.values(), "hunter2") if secret in text]


def test_debug_concerns_what_is_ours(tmp_path: Path) -> None:
    told = [json.loads(line) for line in lines_of(tmp_path, LOG_FORMAT="json", LOG_LEVEL="DEBUG")]
    assert {line["logger"] for line in told if line["level"] == "DEBUG"} == {"jobs.x", "webapp"}


def test_text_is_what_is_written_by_default(tmp_path: Path) -> None:
    assert lines_of(tmp_path)[0].endswith("INFO jobs.x hello")


@pytest.mark.parametrize("name", ["LOG_FORMAT", "LOG_LEVEL", "METRICS_TOKEN"])
def test_a_setting_that_cannot_be_used_says_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv(name, "loud")
    with pytest.raises(SettingError, match=f"{name} .*must be") as caught:
        load(None)
    assert name != "METRICS_TOKEN" or "loud" not in str(caught.value)


def test_an_empty_setting_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in ("LOG_FORMAT", "LOG_LEVEL", "METRICS_TOKEN"):
        monkeypatch.setenv(name, "")
    settings = load(None)
    assert (settings.log_format, settings.log_level, settings.metrics_token) == ("text", "info", "")
