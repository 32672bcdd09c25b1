"""`python -m launcher`: see running.py."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    # What is loaded first takes a second, in which there is nothing to stop yet: a Ctrl-C then just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .running import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
