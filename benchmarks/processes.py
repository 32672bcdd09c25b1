"""Processes that are measured: started and ended here, and what the kernel says of them (Linux, proc(5))."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import BASE_DIR

_STOP_SECONDS = 30
_CPUCLOCK_SCHED = 2
_ESTABLISHED = "01"


@contextmanager
def running(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """A process for as long as the context lasts; yields its id."""
    with log.open("ab") as written:
        process = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=written, stderr=written)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Used:
    """What some processes used together, and the most memory that one of them held, since they are watched."""

    cpu_seconds: float
    peak_bytes: int


class Watch:
    """Watches processes from when it is made."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew with what is held now
        self._before = self._cpu_seconds()

    def used(self) -> Used:
        return Used(self._cpu_seconds() - self._before, max(map(_peak_bytes, self._pids)))

    def _cpu_seconds(self) -> float:
        return sum(map(_cpu_seconds, self._pids))


def _cpu_seconds(pid: int) -> float:
    # As clock_getcpuclockid(3) names the clock of a process, which Python lacks. proc(5) tells hundredths of a second,
    # of which an unchanged sync of a hundred tenants takes some twenty.
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def connections_to(port: int) -> int:
    """How many connections to this port of this machine are open, over IPv4."""
    wanted = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(wanted) and row[3] == _ESTABLISHED for row in rows)
