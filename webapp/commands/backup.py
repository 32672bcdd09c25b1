"""`flask backup`: a copy of the SQLite database that can be taken while everything runs."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import click
from flask import current_app

from ..extensions import db
from .output import explained_with_any_database


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@explained_with_any_database
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE, which must not exist yet; syncs and pages go on meanwhile.

    The database's file alone is no copy of it: what was written last is beside it, in seatledger.db-wal. Of PostgreSQL,
    `pg_dump` makes backups.
    """
    if db.engine.dialect.name != "sqlite":
        raise click.ClickException("This is for SQLite. Of PostgreSQL, `pg_dump --format=custom` makes backups.")
    try:
        os.fsencode(file).decode()
    except UnicodeDecodeError:
        raise click.ClickException("The file's name is not text in UTF-8. Name another file.") from None
    draft = _made_for_this_user_alone(file)
    try:
        _copy(Path(db.engine.url.database or ""), draft)
        # What is cut short, as by a machine that stops, must not have the name of a backup.
        draft.rename(file)
    except sqlite3.Error as error:
        raise click.ClickException(f"The database could not be copied to {file}: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"Copied the database to {file}.")
    keys = current_app.config["SETTINGS"].data_dir / "encryption_keys"
    where = str(keys) if keys.exists() else "ENCRYPTION_KEYS"
    click.echo(f"The client secrets in it cannot be read without {where}: keep that, too, apart from it.", err=True)


def _made_for_this_user_alone(file: Path) -> Path:
    """An empty file beside it, which takes its name once it is whole."""
    if os.path.lexists(file):
        raise click.ClickException(f"{file} exists already. Name another file.")
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.", suffix=".part")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written ({error.strerror}).") from error
    os.close(descriptor)
    return Path(name)


def _copy(database: Path, file: Path) -> None:
    # As it is at one moment, into what is empty; it reads only, so nobody waits for it.
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(file),))
