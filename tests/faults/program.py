"""A process that is killed, frozen, told to stop, and started again, as a supervisor would."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config import BASE_DIR
from tests.support.waiting import eventually

# What a worker that was told to stop may take to end.
STOP_SECONDS = 30


@dataclass
class Program:
    """What one process is started with, and the process. Its output is added to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    # Whether this test ended it; else it ended by itself, which none of them may.
    is_down: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, cwd=BASE_DIR, env=dict(self.environment), stdout=log, stderr=subprocess.STDOUT
            )
        self.is_down = False

    def kill(self) -> None:
        """End it and all that it started, without a word."""
        self.is_down = True
        for process in [*self.children(), self._known()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._started().wait()

    def children(self) -> list[psutil.Process]:
        try:
            return list(self._known().children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def freeze(self) -> None:
        self._started().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Does nothing where it is not frozen."""
        self._started().send_signal(signal.SIGCONT)

    def tell_to_stop(self, again_after: float = 0.0) -> int:
        """The exit code. Fails where it does not end in time.

        Where it takes longer than `again_after`, which is not 0, it is told again.
        """
        eventually(self._handles_being_told)
        self.is_down = True
        self._started().terminate()
        if again_after:
            with suppress(subprocess.TimeoutExpired):
                self._started().wait(again_after)
            self._started().terminate()
        return self._started().wait(STOP_SECONDS)

    @property
    def ended_by_itself(self) -> bool:
        return not self.is_down and self._started().poll() is not None

    def _handles_being_told(self) -> bool:
        """Whether it does something when it is told to stop; while it is still being loaded, it just ends by that.

        Linux alone says so.
        """
        status = Path(f"/proc/{self._started().pid}/status")
        if self._started().poll() is not None or not status.exists():
            return True
        [handled] = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:")]
        return bool(int(handled, 16) >> (signal.SIGTERM - 1) & 1)

    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    def _known(self) -> psutil.Process:
        return psutil.Process(self._started().pid)
