"""The application for a process of its own, whose settings whoever started it may have wrong."""

from __future__ import annotations

from flask import Flask

from config import load_or_end

from . import create_app


def app_or_end() -> Flask:
    """The application with the settings of the environment. Where one is wrong, the process ends with a sentence."""
    return create_app(load_or_end())
