"""Workers and schedules as processes of their own, beside the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from config import BASE_DIR
from sandbox import Sandbox
from tests.support import waiting
from tests.support.settings import environment_of
from webapp.extensions import db

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(app: Flask, sandbox: Sandbox) -> Iterator[Start]:
    """Start a module as a process with the app's settings; it is killed when the test ends."""
    with ExitStack() as stack:

        def start_module(module: str) -> subprocess.Popen[bytes]:
            environment = environment_of(app.config["SETTINGS"])
            process = subprocess.Popen([sys.executable, "-m", module], cwd=BASE_DIR, env=environment)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start_module


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it holds of what is stored; fail where it does not in time."""

    def looked_anew() -> object:
        db.session.rollback()
        return condition()

    waiting.eventually(looked_anew)
    db.session.rollback()
