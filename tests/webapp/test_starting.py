"""Whatever is started with a wrong setting ends with one sentence that says which it is and what it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running import run_python


@pytest.mark.parametrize(
    "words", [("jobs.worker",), ("jobs.schedule",), ("wsgi",), ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")]
)
def test_a_setting_that_is_wrong_ends_a_process_with_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = run_python("-m", *words, DATA_DIR=str(tmp_path), PORT="none")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Seatledger cannot start: PORT is none; it must be a whole number, such as 8000.\n"


# What gunicorn does, with one worker that is made later.
LATER = """
import runpy, sys
from types import SimpleNamespace
hooks = runpy.run_path("gunicorn.conf.py")
from wsgi import app
hooks["when_ready"](SimpleNamespace(app=SimpleNamespace(wsgi=lambda: app)))
loaded, worker = set(sys.modules), SimpleNamespace(wsgi=app)
hooks["post_worker_init"](worker)
hooks["worker_exit"](None, worker)
print([name for name in set(sys.modules) - loaded if name.startswith(("webapp", "jobs", "logs", "settings", "config"))])
"""


def test_a_worker_of_gunicorn_that_is_made_anew_reads_nothing_of_a_version_that_was_installed_meanwhile(
    tmp_path: Path,
) -> None:
    ended = run_python("-c", LATER, DATA_DIR=str(tmp_path))
    ended.check_returncode()
    assert ended.stdout == "[]\n", ended.stderr
