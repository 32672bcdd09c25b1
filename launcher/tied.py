"""`python -m launcher.tied PROGRAM WORD…`: become that program, which the system stops should its supervisor be killed.

Nobody else would: it would go on with no one to stop it or to start it again, and keep the port from the next start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# As Linux's sys/prctl.h has it. Other systems do not know it: there it stays undone.
_PR_SET_PDEATHSIG = 1


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    # It leads the session in which all is started; who lost it before the line above is somebody else's child by now.
    if os.getppid() != os.getsid(0):
        sys.exit("the supervisor was killed while this was started")
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the words that it was called with


if __name__ == "__main__":
    main()
