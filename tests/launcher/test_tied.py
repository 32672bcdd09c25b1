"""What a supervisor starts ends with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config import BASE_DIR


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a process with its parent")
def test_what_lost_its_supervisor_before_it_was_tied_does_not_start(tmp_path: Path) -> None:
    made = tmp_path / "made"
    # It waits for a line, and so until its supervisor is dead.
    waits = f"read line; exec {sys.executable} -m launcher.tied /usr/bin/touch {made}"
    supervisor = f"import subprocess; subprocess.Popen(['/bin/sh', '-c', {waits!r}])"
    started = subprocess.Popen(
        [sys.executable, "-c", supervisor],
        cwd=BASE_DIR,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.wait(60)
    _, said = started.communicate("go on\n", timeout=60)
    assert "the supervisor was killed" in said
    assert not made.exists()
