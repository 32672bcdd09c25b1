"""Which version this is."""

from __future__ import annotations

import tomllib

from config import BASE_DIR

# Read when a process starts: another version may be installed under it while it runs.
_VERSION = str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])


def version() -> str:
    return _VERSION
