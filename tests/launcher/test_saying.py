"""What stands in the way of a start is told in a sentence, also where it is the system that says so."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config import BASE_DIR
from launcher.saying import or_say_why


def _raising(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/d/it"),
            "/d/it cannot be used",
        ),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/d/redis.conf"), "Something else has that name"),
        (OSError(errno.ENOSPC, "No space left on device", "/d/redis.conf"), "Make room on its disk."),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "`ulimit -u`"),
    ],
)
def test_what_the_system_refuses_is_told(error: OSError, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert or_say_why(_raising(error)) == 1
    assert sentence in capsys.readouterr().err


def test_a_fault_of_ours_is_not_hidden() -> None:
    lacks = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/app/a-file-of-ours")
    for error in (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), lacks, KeyError("nothing")):
        with pytest.raises(type(error)):
            or_say_why(_raising(error))


def test_what_is_done_is_not_commented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert or_say_why((tmp_path / "made").touch) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that takes nothing")
def test_where_nobody_hears_it_all_goes_on_and_ends_well() -> None:
    code = "from launcher.saying import say; say('one'); say('two', error=True); say('three')"
    with Path("/dev/full").open("w") as deaf:
        ended = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, stdout=deaf, stderr=deaf, check=False)
    assert ended.returncode == 0
