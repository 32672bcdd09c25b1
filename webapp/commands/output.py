"""How commands print records, read secrets and explain what went wrong."""

from __future__ import annotations

import codecs
import errno
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from io import BytesIO, TextIOWrapper
from typing import Any, BinaryIO

import click
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs.queue import JobFailed, NoWorker, QueueUnavailable, WorkersBusy

from ..administration.refused import Refused
from ..called import flask_command
from ..database import reason_of
from ..extensions import UnreadableSecret, db
from ..models import UNREADABLE_SECRET, IntegrationRemoved
from ..refusals import refusal_of
from ..schema_version import UnfitDatabase, require_fit
from ..text import clipped, one_line

# A name of any length must not push the other columns out of sight; --json has it whole.
WIDEST_CELL = 60

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON array of objects.")


def explained(command: Callable[..., Any]) -> Callable[..., Any]:
    """End a command with one sentence and exit code 1 where the database or the queue does not answer.

    So it does with a database that is older than this program, before anything is done.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        require_fit()
        return command(*args, **kwargs)

    return explained_with_any_database(run)


def explained_with_any_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that also has to do with a database of another version."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        _write_what_can_be_written()
        try:
            return command(*args, **kwargs)
        except QueueUnavailable as error:
            raise click.ClickException(f"{error} ({error.reason})" if error.__cause__ else str(error)) from error
        except (NoWorker, WorkersBusy) as error:
            raise click.ClickException(str(error)) from error
        except (IntegrationRemoved, Refused, UnfitDatabase) as error:
            raise click.ClickException(str(error)) from error
        except JobFailed as error:
            raise click.ClickException("The worker could not finish this. Its log has the cause.") from error
        except UnreadableSecret as error:
            raise click.ClickException(UNREADABLE_SECRET.text) from error
        except DBAPIError as error:
            db.session.rollback()
            if refusal := refusal_of(error):
                raise click.ClickException(refusal.text) from error
            reason = reason_of(error)
            if isinstance(error, OperationalError) and "no such" not in reason:
                advice = "Check DATABASE_URL and that the database runs."
            else:
                advice = f"If it is new or older than this version, run `{flask_command()} db upgrade`."
            raise click.ClickException(f"The database did not answer as expected ({reason}). {advice}") from error

    return run


def refuse_nothing(**options: tuple[str, ...]) -> None:
    """A variable that a script left empty must not look like no option, which lists everything."""
    for name, values in options.items():
        if not all(map(one_line, values)):
            raise click.ClickException(f"--{name} is empty. Say which one, or leave the option out.")


def print_records(records: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print records as one JSON array with all their keys, or as a table of the columns named."""
    if as_json:
        _echo(_json([_plain(record) for record in records]))
        return
    rows = [[clipped(_cell(record[column]), WIDEST_CELL) for column in columns] for record in records]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in [list(columns), *rows]:
        _echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_record(record: dict[str, Any], columns: Sequence[str], as_json: bool) -> None:
    """Print one record as a JSON object, or the columns named, one a line."""
    if as_json:
        _echo(_json(_plain(record)))
        return
    width = max(map(len, columns))
    for column in columns:
        _echo(f"{column.ljust(width)}  {_cell(record[column])}".rstrip())


def read_secret(what: str) -> str:
    """One line of standard input: secrets are never arguments, which other users of the machine can see."""
    secret = read_line()
    if not secret:
        raise click.ClickException(f"No {what} came on standard input. Pipe it in, on one line.")
    return secret


def read_line() -> str:
    """The first line of standard input, without its end; empty where there is none."""
    return _decoded(_standard_input().readline()).rstrip("\r\n")


def read_all() -> str:
    """All of standard input."""
    return _decoded(_standard_input().read())


def _standard_input() -> BinaryIO:
    """Its bytes: whether Python refuses what is no text or keeps it in disguise depends on the locale."""
    # There is none where whoever started this process closed it.
    return BytesIO() if sys.stdin is None else sys.stdin.buffer


def _decoded(given: bytes) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException("Standard input is not text in UTF-8.") from error


def _write_what_can_be_written() -> None:
    """Print ? for a letter that the terminal's encoding lacks: customers have names in any script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _echo(text: str) -> None:
    try:
        click.echo(text)
    except OSError as error:
        # Whoever reads no further, as `head` does, wants to be told nothing.
        if error.errno == errno.EPIPE:
            raise
        raise click.ClickException(f"What is printed could not be written ({error.strerror}).") from error


def _json(value: Any) -> str:
    """JSON that loses nothing, and is JSON, in whatever encoding it is written."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json.dumps(value, ensure_ascii=codecs.lookup(encoding).name != "utf-8", indent=2)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain_value(value) for key, value in record.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(entry) if isinstance(entry, dict) else entry for entry in value]
    return value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "-"
    # Names come from outside: a control character must not move the cursor, nor a line break make a row.
    return "".join(character if character.isprintable() else "?" for character in str(value))
