"""What is said to whoever starts Seatledger."""

from __future__ import annotations

import sys
from collections.abc import Callable

from settings.errors import SettingError


class CannotStart(Exception):
    """Seatledger cannot start as things are. The message says why and what to do."""


def say(text: str, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout, flush=True)


def or_say_why(do: Callable[[], None]) -> int:
    """Do it, or say why that is not possible as things are; returns the exit code."""
    try:
        do()
    except (SettingError, CannotStart) as error:
        say(f"Seatledger cannot start: {error}", error=True)
        return 1
    return 0
