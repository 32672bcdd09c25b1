"""A whole Seatledger, started as `make run` starts it."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config import BASE_DIR

# What would lead the server elsewhere than where the test wants it.
_SETTINGS = ("DATABASE_URL", "REDIS_URL", "MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL", "MICROSOFT_CA_BUNDLE")


def free_port() -> int:
    """A port at which nothing listens, of those that no system gives out by itself.

    Until the server has it, what other tests start could otherwise be given the same one.
    """
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a server or of a command beside it, with these settings and no others."""
    return {**os.environ, **dict.fromkeys(_SETTINGS, ""), "DATA_DIR": str(data_dir), "SYNC_WORKERS": "1", **settings}


def run_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What Python with these arguments, and these variables of the environment, came to, in the project's folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@dataclass
class Running:
    """The server as a context manager: `url`, `output` and, where there is no user yet, `setup_code`."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    output: str = ""

    def __enter__(self) -> Running:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment(self.data_dir, PORT=str(self.port), **self.settings)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "launcher", *self.arguments],
            cwd=BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if "Press Ctrl-C" in line:
                return self
        self._process.wait(timeout=120)
        self._process.stdout.close()
        raise AssertionError(f"the server did not start:\n{self.output}\n{self.logs()}")

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def setup_code(self) -> str:
        found = re.search(r"^\s+([0-9a-f]{4}(?:-[0-9a-f]{4})+)$", self.output, flags=re.MULTILINE)
        assert found, self.output
        return found[1]

    def stop(self) -> int:
        """Send Ctrl-C and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        rest, _ = self._process.communicate(timeout=120)
        self.output += rest
        return self._process.returncode

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a `flask` command beside the server."""
        return subprocess.run(
            [sys.executable, "-m", "flask", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted((self.data_dir / "logs").glob("*.log")))
