"""How commands are called where this is installed, for hints that people paste."""

from __future__ import annotations

import sys
from pathlib import Path

from config import BASE_DIR


def flask_command() -> str:
    """`flask` as it is called in the project's folder: `make install` puts it there, a container on its path."""
    installed = BASE_DIR / ".venv"
    return ".venv/bin/flask" if installed.is_dir() and installed.samefile(Path(sys.prefix)) else "flask"
