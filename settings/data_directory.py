"""The directory in which an installation keeps what is its own: secrets, the embedded Redis, SQLite."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import SettingError

# A Unix socket's address holds 108 bytes at the most (unix(7)); one is its closing NUL.
_SOCKET_PATH_LIMIT = 107

# An address is also a part of a URL, and of what Redis tells of who is connected: a worker does not start where that
# has a space in it.
_PLAIN = re.compile(r"[\w./+,:@~-]+")

# A disk with less room than this is as good as full: what one transaction of SQLite writes may not find any.
LEAST_ROOM = 10 * 1024 * 1024

RESTORE_IT = "Restore it from a backup: what it encrypted is lost without it."

# The disk is full, or what this user may take of it.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# Something else has the name.
_ANOTHER_KIND = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
# What keeps this user from a file, and is no fault of the program.
OF_FILES = (errno.EACCES, errno.EPERM, errno.EROFS, *_NO_ROOM, *_ANOTHER_KIND)


def embedded_redis_socket(data_dir: Path) -> Path:
    """Where the embedded Redis of a data directory listens.

    It is `redis.sock` in the directory; where that address is too long for the system, or not plain, a private one
    under the system's temporary one, named after the data directory so that all processes find the same.
    """
    socket = data_dir / "redis.sock"
    if len(os.fsencode(socket)) <= _SOCKET_PATH_LIMIT and _PLAIN.fullmatch(str(socket)):
        return socket
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    directory = Path(tempfile.gettempdir()) / f"seatledger-{os.getuid()}-{name}"
    make_private_directory(directory)
    # Everybody may make a directory there, and whoever answers at the socket chooses what the workers do.
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingError(
            f"{directory}, where the embedded Redis would listen, belongs to somebody else. Remove it, set DATA_DIR to "
            "a directory with a shorter path, or set REDIS_URL."
        )
    return directory / "redis.sock"


def make_private_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory_stat = directory.stat()
    except OSError as error:
        raise SettingError(
            f"The data directory {directory} cannot be made ({error.strerror}). "
            "Set DATA_DIR to a directory that you may write to."
        ) from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise SettingError(
            f"The data directory {directory} cannot be read and written by this user. "
            "Change its owner or its permissions, or set DATA_DIR to another directory."
        )
    if directory_stat.st_uid == os.getuid() and directory_stat.st_mode & 0o022:
        directory.chmod(directory_stat.st_mode & ~0o022)


def kept(path: Path, make: Callable[[], str]) -> str:
    """The text kept in `path`; made on first use, by exactly one of the processes that start together.

    It is there whole or not at all, also where the disk is full, or the machine stops, while it is made.
    """
    try:
        if not path.exists():
            _make_whole(path, make())
        text = path.read_text().strip()
    except OSError as error:
        raise SettingError(f"{path} cannot be read or written ({error.strerror}). {advice_on(error)}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is damaged. {RESTORE_IT}") from error
    if not text:
        raise SettingError(f"{path} is empty. {RESTORE_IT}")
    return text


def advice_on(error: OSError) -> str:
    """What to do where a file of the data directory cannot be read or written."""
    if error.errno in _NO_ROOM:
        return "Make room on its disk."
    if error.errno in _ANOTHER_KIND:
        return "Something else has that name: move it away."
    if error.errno == errno.EROFS:
        return "Its disk may only be read: let it be written to, or set DATA_DIR to another one."
    return "Check its owner and its permissions: whoever starts Seatledger must be able to read and write it."


def _make_whole(path: Path, text: str) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            # Before it has its name: a name without its text would be what is found after a power cut.
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first: its text is the one to use
    finally:
        Path(draft).unlink()
