"""Where log lines go and which are written, for gunicorn, the workers and the schedule alike."""

from __future__ import annotations

import logging
import logging.config
import sys
import threading
from types import TracebackType
from typing import Any

from config import Settings

from .formats import JsonLines, TextLines
from .outages import Outages
from .redaction import also_redact

_FORMATTERS = {"text": TextLines, "json": JsonLines}

# Whose lines `LOG_LEVEL` chooses. Of others' loggers, which at DEBUG tell whole addresses, warnings are enough.
_OURS = ("webapp", "jobs", "logs", "__main__")

log = logging.getLogger(__name__)


def configuration(settings: Settings) -> dict[str, Any]:
    """The logging that the settings ask for, as `logging.config.dictConfig` and gunicorn take it: to standard error."""
    also_redact((settings.secret_key, *settings.encryption_keys, settings.metrics_token))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": _FORMATTERS[settings.log_format]}},
        "filters": {"outages": {"()": Outages}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "chosen",
                "filters": ["outages"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": max(level, logging.WARNING), "handlers": ["stderr"]},
        "loggers": {
            **{name: {"level": level} for name in _OURS},
            # That it started and stopped, and when a worker had to be replaced.
            "gunicorn.error": {"level": max(level, logging.INFO), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": logging.WARNING, "handlers": [], "propagate": True},
        },
    }


def configure(settings: Settings) -> None:
    """Log so in this process. What ends it, or one of its threads, is logged like everything else."""
    logging.config.dictConfig(configuration(settings))
    logging.captureWarnings(True)
    sys.excepthook = _log_the_end
    threading.excepthook = _log_the_end_of_a_thread


def _log_the_end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("The process ended by an error that nobody foresaw", exc_info=(kind, error, traceback))


def _log_the_end_of_a_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is None or issubclass(ended.exc_type, SystemExit):
        return
    name = ended.thread.name if ended.thread else "?"
    error = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    log.critical("The thread %s ended by an error that nobody foresaw", name, exc_info=error)
