"""What needs all of Seatledger, done by processes that end: a launcher waits for weeks, and is small meanwhile."""

from __future__ import annotations

import subprocess
import sys

from config import BASE_DIR

from .saying import CannotStart


class Told(Exception):
    """It could not be done, and why was said."""


def apart(module: str, *, keeps_output: bool = False) -> str:
    """Run a module of the launcher, whose settings are this process's environment. Returns what it printed, if kept.

    Raises `Told` where it fails. A Ctrl-C does not reach it: whatever ends this call ends it as well.
    """
    command = [sys.executable, "-m", f"launcher.{module}"]
    output = subprocess.PIPE if keeps_output else None
    done = subprocess.run(command, cwd=BASE_DIR, stdout=output, text=True, check=False, start_new_session=True)  # noqa: S603
    if done.returncode < 0:
        raise CannotStart(f"what prepares it was ended by signal {-done.returncode}. Start it again.")
    if done.returncode:
        raise Told
    return done.stdout or ""
