"""The sandbox as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import BASE_DIR


def command(directory: Path, *options: str) -> list[str]:
    """What starts it with its files in this directory."""
    return [sys.executable, "-m", "sandbox", "--directory", str(directory), *options]


@contextmanager
def running(directory: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The process, once it has printed its line."""
    with subprocess.Popen(command(directory, *options), cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Sandbox of ")
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def refusal(directory: Path, *options: str) -> str:
    """The one line on standard error of a start that fails."""
    ended = subprocess.run(
        command(directory, *options), cwd=BASE_DIR, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("The sandbox cannot start: ")
    return line
