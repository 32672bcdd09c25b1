"""Sets up the data directory, starts everything, says where to go, and stops everything at Ctrl-C."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from types import FrameType
from typing import IO

import requests

from config import Settings, load

from . import demo, preflight, supervisor
from .apart import Told, apart
from .saying import CannotStart, Ended, or_say_why, say

# Long enough for a laptop that is busy with something else.
READY_SECONDS = 120
# Longer than all programs are given to stop, one kind after the other.
STOP_SECONDS = 120
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Stopped(Exception):
    """Somebody asked for an end: Ctrl-C, or a signal."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="launcher", description="Start Seatledger on this machine.")
    parser.add_argument("--demo", action="store_true", help="with made-up tenants, in a data directory of its own")
    as_demo = parser.parse_args().demo
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    # Whatever was allowed for other programs: nobody else is to write what is made here.
    os.umask(os.umask(0o022) | 0o022)
    try:
        return or_say_why(lambda: _run(demo.settings() if as_demo else load(), as_demo))
    except Told:
        return 1
    except Stopped:
        say("Stopped.")
        return 0


def _run(settings: Settings, as_demo: bool) -> None:
    preflight.check_room(settings)
    preflight.check_temporary_files()
    preflight.check_files()
    lock = _lock(settings)
    with ExitStack() as stack:
        stack.enter_context(preflight.held_port(settings))
        preflight.check_frontend()
        preflight.check_redis(settings)
        say("Starting Seatledger ...")
        if as_demo:
            settings = stack.enter_context(demo.sandbox(settings))
        code = apart("preparing", keeps_output=True).strip()
        process = supervisor.start(settings, supervisor.programs(settings), keep_open=lock)
        try:
            _wait_until_ready(settings, process)
            if as_demo:
                apart("filling")
            _welcome(settings, code, as_demo)
            process.wait()
            raise Ended(f"its supervisor did; see {settings.data_dir / 'logs' / 'supervisor.log'}. Start it again.")
        finally:
            _end(process)


def _lock(settings: Settings) -> IO[str]:
    """Hold the data directory: two of Seatledger's servers in one would take each other's Redis."""
    file = (settings.data_dir / "launcher.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotStart(
            f"it runs already with the data directory {settings.data_dir}{_running(settings)}. Stop it first, or set "
            "DATA_DIR to another directory."
        ) from None
    return file


def _running(settings: Settings) -> str:
    """How to find what runs: a supervisor outlives a launcher that was killed, and has no terminal of its own."""
    try:
        number = int((settings.data_dir / "supervisord.pid").read_text())
    except (OSError, ValueError):
        return ""
    return f" (process {number}: `kill {number}` stops it)"


def _wait_until_ready(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """Wait until pages are served. Raises `CannotStart` where that does not come about."""
    deadline = time.monotonic() + READY_SECONDS
    with requests.Session() as browser:
        browser.trust_env = False  # no proxy stands between this process and its own
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(requests.RequestException):
                if browser.get(f"{settings.local_address}/healthz", timeout=2).ok:
                    return
            time.sleep(0.1)
    what = "no page is served yet" if process.poll() is None else "the supervisor ended at once"
    raise CannotStart(f"{what}; see {settings.data_dir / 'logs'} for the cause.")


def _welcome(settings: Settings, code: str, as_demo: bool) -> None:
    say(f"\nSeatledger is ready: {settings.local_address}\n")
    if as_demo:
        say(f"  Sign in with the password {demo.PASSWORD} as:\n")
        for role, address in demo.ADDRESSES.items():
            say(f"      {address:<30}{role}")
        say("")
    elif code:
        say("  There is no user yet. Open the address and enter this one-time code to create the Administrator:\n")
        say(f"      {code}\n")
    say(f"Logs are in {settings.data_dir / 'logs'}. Press Ctrl-C to stop.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let supervisord stop everything, in order; no further Ctrl-C interrupts that."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
