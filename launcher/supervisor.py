"""The processes of one machine, kept running by supervisord, which starts again whatever dies.

Source: supervisord's manual, "Configuration File".
"""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config import BASE_DIR, Settings

from . import embedded_redis

_TIED = (sys.executable, "-m", "launcher.tied")
_REMARKS = {"SEATLEDGER_HASH": "#", "SEATLEDGER_SEMICOLON": ";"}
_ONLY = ("--only", "interactive", "--only", "upkeep")
# A worker gives back by itself what does not end in time (jobs/told_to_stop.py says how soon): killed before, it would
# leave tenants at Syncing... until their leases lapse.
_WORKER_STOP_SECONDS = 30


@dataclass(frozen=True)
class Program:
    """One program: its command, how many of it, and its place in line (the lowest starts first and stops last)."""

    name: str
    command: tuple[str, ...]
    place: int
    count: int = 1
    stop_seconds: int = 15


def programs(settings: Settings) -> list[Program]:
    """What `make run` keeps running."""
    python = sys.executable
    worker = (python, "-m", "jobs.worker")
    found = [
        Program("worker", worker, place=20, count=settings.sync_workers, stop_seconds=_WORKER_STOP_SECONDS),
        # Somebody who waits before the screen, and the sweep, must not wait until a sync is through.
        Program("attendant", (*worker, *_ONLY), place=20, stop_seconds=_WORKER_STOP_SECONDS),
        Program("schedule", (python, "-m", "jobs.schedule"), place=30),
        Program("web", (python, "-m", "gunicorn", "-c", str(BASE_DIR / "gunicorn.conf.py"), "wsgi:app"), place=40),
    ]
    if settings.redis_is_embedded:
        found.append(Program("redis", embedded_redis.prepared(settings), place=10))
    return found


def start(settings: Settings, wanted: list[Program], keep_open: IO[str]) -> subprocess.Popen[bytes]:
    """Start supervisord with these programs. It writes each program's output to a file in `logs/`.

    The programs read their settings from the environment, as this process did. `keep_open` is the data directory's
    lock: supervisord holds it on should this process be killed.
    """
    logs = settings.data_dir / "logs"
    logs.mkdir(exist_ok=True)
    _require_writable(logs)
    path = settings.data_dir / "supervisord.conf"
    path.write_text(
        "\n".join([_supervisord_section(settings), *(_program_section(program, logs) for program in wanted)])
    )
    # Python's -W: supervisord's own use of what Python will drop one day is not this user's concern.
    command = [sys.executable, "-W", "ignore", "-m", "launcher.supervising", "-c", str(path)]
    # In a session of its own: a Ctrl-C reaches the launcher alone, which then stops everything in order.
    return subprocess.Popen(  # noqa: S603 - the words above
        command,
        cwd=BASE_DIR,
        env={**os.environ, **_REMARKS},
        start_new_session=True,
        pass_fds=(keep_open.fileno(),),
    )


def _require_writable(logs: Path) -> None:
    """Raise for what somebody else left there: what logs to it would not start, and could not log why."""
    for path in (logs, *logs.glob("*.log")):
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _supervisord_section(settings: Settings) -> str:
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_escaped(settings.data_dir / 'logs' / 'supervisor.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        f"pidfile={_escaped(settings.data_dir / 'supervisord.pid')}",
    ]
    if os.getuid() == 0:
        # By its number: after `su` the environment names who root was before, whom it would become.
        lines.append("user=0")
    return "\n".join([*lines, ""])


def _program_section(program: Program, logs: Path) -> str:
    several = program.count > 1
    name = f"{program.name}_%(process_num)d" if several else program.name
    return "\n".join(
        [
            f"[program:{program.name}]",
            f"command={' '.join(_quoted(word) for word in (*_TIED, *program.command))}",
            f"process_name={'%(program_name)s_%(process_num)d' if several else '%(program_name)s'}",
            f"numprocs={program.count}",
            f"priority={program.place}",
            f"directory={_escaped(BASE_DIR)}",
            "autorestart=true",
            "startsecs=1",
            # What fails to start is tried for ever: the database or Redis may come back.
            "startretries=1000000",
            f"stopwaitsecs={program.stop_seconds}",
            "stopasgroup=false",
            "killasgroup=true",
            "redirect_stderr=true",
            # This one option is expanded twice.
            f"stdout_logfile={_escaped(_escaped(logs))}/{name}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
            "",
        ]
    )


def _quoted(word: str) -> str:
    """A word of a command as supervisord splits it (shlex), its own %-expansion turned off."""
    return _escaped(shlex.quote(word))


def _escaped(text: object) -> str:
    """The text as supervisord expands it: what begins a remark behind a space is named by a variable."""
    escaped = str(text).replace("%", "%%")
    for name, character in _REMARKS.items():
        escaped = escaped.replace(character, f"%(ENV_{name})s")
    return escaped
