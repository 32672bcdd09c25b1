"""What must be right before anything starts. Each check raises `CannotStart` with one sentence that says what to do."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from config import BASE_DIR, Settings
from settings.data_directory import LEAST_ROOM

from .saying import CannotStart

# What supervisord asks for itself, and more than any of the programs needs.
LEAST_FILES = 1024
# As many as a first start makes, with its logs, and some more.
LEAST_NEW_FILES = 50
# No interface has the address, or the system has none of its kind, as where IPv6 is switched off.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def check_room(settings: Settings) -> None:
    """Raise where the data directory's disk is as good as full: nothing could be saved, nor logged why."""
    free = shutil.disk_usage(settings.data_dir).free
    if free < LEAST_ROOM:
        raise CannotStart(
            f"The disk of the data directory {settings.data_dir} is full ({free / 1024**2:,.1f} MB are free). Make "
            "room on it, or set DATA_DIR to a directory on another one. What is stored is as it was."
        )
    disk = os.statvfs(settings.data_dir)
    if disk.f_files and disk.f_favail < LEAST_NEW_FILES:
        raise CannotStart(
            f"The disk of the data directory {settings.data_dir} has room for {disk.f_favail} further files, however "
            "small (`df -i`). Delete some, or set DATA_DIR to a directory on another one. What is stored is as it was."
        )


def check_temporary_files() -> None:
    """Raise where there is no directory for them: supervisord and what receives uploads need one."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise CannotStart(
            "No directory for temporary files can be written to, such as /tmp. Give this user the right to, make room "
            "there, or set TMPDIR to another directory."
        ) from error


def check_files() -> None:
    """Raise where this user may not open as many files and connections as the programs need."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < LEAST_FILES:
        raise CannotStart(
            f"No more than {most:,} files and connections may be open at once here, and {LEAST_FILES:,} are needed. "
            f"Raise the limit: `ulimit -n {LEAST_FILES}`, or LimitNOFILE where systemd starts it."
        )


@contextmanager
def held_port(settings: Settings) -> Iterator[None]:
    """Keep the address from whoever else starts Seatledger with it, while this lasts. Raises where it is not free.

    Of two that start at the same moment both would find it free, and one would say that it is ready once the other's
    pages are there. Names like this one are Linux's: elsewhere it is only looked whether the address is free.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as name:
        if sys.platform == "linux":
            try:
                name.bind(f"\0seatledger {settings.host} {settings.port}")
            except OSError as error:
                raise CannotStart(_why_no_port(settings, error)) from error
        check_port(settings)
        yield


def check_port(settings: Settings) -> None:
    """Raise where the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise CannotStart(_why_no_port(settings, error)) from error


def _why_no_port(settings: Settings, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno in _NOT_HERE:
        return (
            f"HOST names {settings.host}, which is not an address of this machine. Use 127.0.0.1 for this machine "
            "alone, or 0.0.0.0 for its network."
        )
    if error.errno == errno.EACCES:
        return (
            f"This user may not listen on port {settings.port} ({error.strerror}). Choose one from 1024 on: "
            "PORT=8000 make run"
        )
    return (
        f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). Stop the program that uses it, or "
        f"choose another port: PORT={settings.port + 1 if settings.port < 65535 else 8000} make run"
    )


def check_frontend() -> None:
    if not (BASE_DIR / "webapp" / "static" / "vendor" / "htmx.min.js").is_file():
        raise CannotStart("The front-end files are missing. Run `make install` first.")


def check_redis(settings: Settings) -> None:
    """Raise where `REDIS_URL` was given and does not answer."""
    if settings.redis_is_embedded:
        return
    try:
        Redis.from_url(settings.redis_url, socket_connect_timeout=5).ping()
    except (RedisError, OSError) as error:
        raise CannotStart(
            f"The Redis that REDIS_URL names does not answer ({error}). Start it, correct REDIS_URL, or remove the "
            "setting to use the embedded one."
        ) from error
