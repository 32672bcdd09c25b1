"""What is said to whoever starts Seatledger."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from settings.data_directory import OF_FILES, advice_on
from settings.errors import SettingError


class CannotStart(Exception):
    """Seatledger cannot start as things are. The message says why and what to do."""


class Ended(Exception):
    """It ran, and ended by itself. The message says why and what to do."""


def say(text: str, error: bool = False) -> None:
    """Say it, if anybody is there to hear it: the terminal may be closed by now, or the reader of a pipe gone."""
    stream = sys.stderr if error else sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What could not be written is tried once more when the process ends: let that succeed.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def or_say_why(do: Callable[[], None]) -> int:
    """Do it, or say why that is not possible as things are; returns the exit code."""
    try:
        do()
    except (SettingError, CannotStart) as error:
        why = f"cannot start: {error}"
    except Ended as error:
        why = f"ended by itself: {error}"
    except OSError as error:
        if not (refusal := _refusal(error)):
            raise
        why = f"cannot start: {refusal}"
    else:
        return 0
    say(f"Seatledger {why}", error=True)
    return 1


def _refusal(error: OSError) -> str:
    """What the system refused, where that is about a file, or how many programs there may be; else nothing."""
    if error.filename is not None and error.errno in OF_FILES:
        return f"{os.fsdecode(error.filename)} cannot be used ({error.strerror}). {advice_on(error)}"
    if error.errno in (errno.EAGAIN, errno.ENOMEM):
        return (
            f"No further program can be started ({error.strerror}). End others, or allow this user more of them "
            "(`ulimit -u`) and more memory (`ulimit -v`)."
        )
    return ""
