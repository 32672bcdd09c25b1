"""The application for a process of its own, whose settings whoever started it may have wrong."""

from __future__ import annotations

from flask import Flask

from settings.errors import SettingError

from . import create_app


def app_or_end() -> Flask:
    """The application with the settings of the environment. Where one is wrong, the process ends with a sentence."""
    try:
        return create_app()
    except SettingError as error:
        raise SystemExit(f"Seatledger cannot start: {error}") from error
