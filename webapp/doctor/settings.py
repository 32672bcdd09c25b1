"""The settings and the machine: what is read, where is written, and how much room there is."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from flask import current_app

from config import Settings
from settings.data_directory import LEAST_ROOM

from ..text import count_of
from .finding import Finding, doubtful, ill, well

_LITTLE_ROOM = 1024**3
# Whoever guesses the key signs in as anybody: a short one is tried out without asking Seatledger.
_LEAST_SECRET = 16


def check_settings() -> Iterator[Finding]:
    settings = current_app.config["SETTINGS"]
    yield well("settings", "Every setting could be read.")
    yield from _unsafe(settings)
    yield _directory(settings.data_dir)
    yield _room(settings.data_dir)


def _unsafe(settings: Settings) -> Iterator[Finding]:
    """Settings that could be read, and leave a door open."""
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        yield doubtful(
            "proxy",
            "PUBLIC_URL is an https address, so a proxy stands before Seatledger, and TRUSTED_PROXIES is 0: cookies "
            "are not marked Secure, and everybody seems to come from the proxy, so that who guesses passwords keeps "
            "all others from signing in.",
            "Set TRUSTED_PROXIES to how many proxies stand in a row, and let them send the headers that docs/deploy.md "
            "names.",
        )
    if len(settings.secret_key) < _LEAST_SECRET:
        yield doubtful(
            "secret key",
            f"SECRET_KEY has {count_of(len(settings.secret_key), 'character')}: who tries out all can sign in as "
            "anybody.",
            'Make one, which signs everyone out once: python3 -c "import secrets; print(secrets.token_urlsafe(48))"',
        )


def _directory(path: Path) -> Finding:
    if not os.access(path, os.W_OK | os.X_OK):
        return ill(
            "data directory", f"{path} cannot be written to.", "Give this user the right to write, or set DATA_DIR."
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        fix = f"Run `chmod 700 {path}`: it holds the keys that the client secrets are encrypted with."
        return doubtful("data directory", f"Other users of this machine may look into {path}.", fix)
    return well("data directory", f"{path} can be written to, by this user alone.")


def _room(path: Path) -> Finding:
    free = shutil.disk_usage(path).free
    amount = f"{free / 1024**3:,.1f} GB" if free >= _LITTLE_ROOM else f"{free / 1024**2:,.1f} MB"
    text = f"{amount} are free where {path} is."
    if free < LEAST_ROOM:
        return ill("disk", text, "Make room: nothing is lost, but nothing can be saved, and no log is written.")
    if free < _LITTLE_ROOM:
        return doubtful("disk", text, "Make room: a database that cannot write loses nothing, but stops.")
    return well("disk", text)
