"""`python -m launcher.supervising -c FILE`: supervisord, which bears that a log cannot be written.

By itself it prints a traceback for each line that a full disk does not take, into the terminal of who started it; and
where a log that has grown large cannot be put aside, it reads what that program says no more, which in time stops the
program.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from supervisor import loggers, supervisord

# How long nothing more is said of it.
QUIET_SECONDS = 600


class Bearing:
    """Says that logs cannot be written, once in a while, and what to do."""

    def __init__(self) -> None:
        self._told_at = -float(QUIET_SECONDS)

    def tell(self, error: BaseException | None) -> None:
        now = time.monotonic()
        if now - self._told_at < QUIET_SECONDS:
            return
        self._told_at = now
        why = error.strerror if isinstance(error, OSError) else error
        print(  # noqa: T201 - to the terminal of who started it, since there is no log
            f"Logs cannot be written ({why}). What they would say is lost until that is mended: see to the disk of "
            "DATA_DIR. `flask doctor` tells more.",
            file=sys.stderr,
            flush=True,
        )


def bear(bearing: Bearing) -> None:
    """Let supervisord's logs do so from here on."""
    roll_over = loggers.RotatingFileHandler.doRollover

    def handle_error(self: loggers.Handler) -> None:
        bearing.tell(sys.exception())

    def emit(self: loggers.RotatingFileHandler, record: object) -> None:
        try:
            if self.stream.closed:
                self.stream = Path(self.baseFilename).open(self.mode)  # noqa: SIM115 - it was closed to be put aside
            loggers.FileHandler.emit(self, record)
            roll_over(self)
        except OSError as error:
            bearing.tell(error)

    loggers.Handler.handleError = handle_error
    loggers.RotatingFileHandler.emit = emit


if __name__ == "__main__":
    bear(Bearing())
    supervisord.main()
