"""A record as one line of text, or as one line of JSON."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from .context import current_fields
from .redaction import REDACTED, SECRET_NAME, redact

# What others wrote may be endless; a log must not be. So much is looked through for secrets, and so much is written.
_LOOKED_THROUGH = 1_000_000
_WRITTEN = 16_000

# What every record has. What it has besides was given with it, as `extra`.
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, what it is about, and an exception as text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_fields(record),
        }
        if exception := _exception(self, record):
            line["exception"] = exception
        # Escaped to ASCII: no character of others' text ends a line, or is more than the stream can write.
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Time, level, logger, message, what it is about in brackets; an exception follows on lines of its own, set in.

    The time is the machine's own, with how far it is from UTC: lines of several machines can be put in order.
    """

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(f"{name}={_one_line(str(value))}" for name, value in _fields(record).items())
        words = [_local_time(record), record.levelname, record.name, _one_line(_message(record))]
        line = " ".join([*words, f"[{about}]"] if about else words)
        exception = _exception(self, record)
        return "\n  ".join([line, *map(_one_line, exception.split("\n"))]) if exception else line


def _local_time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(sep=" ", timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:
        # logging itself would print the values as they are.
        message = f"{record.msg} (whose values could not be put in)"
    return _clean(message)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    fields = {**current_fields(), **given}
    return {name: _plain(name, value) for name, value in fields.items() if value not in (None, "")}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    return REDACTED if SECRET_NAME.search(name) else _clean(str(value))


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [
        formatter.formatException(record.exc_info) if record.exc_info else record.exc_text,
        formatter.formatStack(record.stack_info) if record.stack_info else None,
    ]
    return _clean("\n".join(filter(None, parts)), from_end=True)


def _clean(text: str, from_end: bool = False) -> str:
    """At most so much of it, without secrets; of an exception the end, which says what it is."""
    text = redact(text[-_LOOKED_THROUGH:] if from_end else text[:_LOOKED_THROUGH])
    if len(text) <= _WRITTEN:
        return text
    return f"... {text[-_WRITTEN:]}" if from_end else f"{text[:_WRITTEN]} ..."


def _one_line(text: str) -> str:
    """So that nobody's text can pass for a line of the log."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
