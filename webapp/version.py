"""Which version this is."""

from __future__ import annotations

import tomllib
from functools import lru_cache

from config import BASE_DIR


@lru_cache
def version() -> str:
    return str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
