"""Whether the database is of this program's version: each migration gives it a revision.

What this program knows is read when it starts, since another version may be installed under it while it runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app, request
from sqlalchemy.exc import OperationalError

from config import BASE_DIR

from .engines.sqlite_file import NoFile
from .extensions import db

MIGRATIONS = BASE_DIR / "migrations"
# For so long it is not looked again, however many ask.
_BELIEVED_SECONDS = 2.0

# These look for themselves, or need no database.
_ASKED_WITHOUT = frozenset({"health", "metrics"})


class Fit(Enum):
    """How the database is, seen from this program."""

    SAME = "same"
    # It is to be migrated before anything is done with it.
    OLDER = "older"
    # A newer program has migrated it. What is there is there for this one, too, but it cannot know of what is new.
    NEWER = "newer"
    # It is several at once, and so none: nothing is done with it.
    MIXED = "mixed"


@dataclass(frozen=True)
class Found:
    fit: Fit
    # None where there are no tables yet; all of them where there are several.
    revision: str | None
    expected: str | None
    # Whether there is not even a file, of SQLite.
    has_no_file: bool = False

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence, and what to do in others; empty where it fits."""
        if self.has_no_file:
            return (
                f"There is no database yet (revision none), and this version needs {self.expected}. Make it: `flask "
                "db upgrade`. If there was one, see before that its disk is there, and that DATA_DIR names it."
            )
        if self.fit is Fit.OLDER:
            what = f"is at revision {self.revision}" if self.revision else "has no tables yet (revision none)"
            return f"The database {what}, and this version needs {self.expected}. Migrate it: `flask db upgrade`."
        if self.fit is Fit.NEWER:
            return (
                f"This program is of an older version than the database, which is at revision {self.revision}. Install "
                "the version that migrated it here, too, and restart this."
            )
        if self.fit is Fit.MIXED:
            return (
                f"The database is at several revisions ({self.revision}), as one into which a backup was restored that "
                "was not empty. Restore the backup anew, as docs/deploy.md says."
            )
        return ""


class UnfitDatabase(Exception):
    """The database is of an older version than this program, or of several."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.problem)
        self.found = found


class _Guard:
    """Lets requests pass once the database was seen to fit: it does not grow older by itself."""

    def __init__(self) -> None:
        script = ScriptDirectory(str(MIGRATIONS))
        self.expected = script.get_current_head()
        self.known = frozenset(revision.revision for revision in script.walk_revisions())
        self.fits = False
        # What was found last, and when, where it does not fit.
        self.refused: tuple[float, Found] | None = None


def init_app(app: Flask) -> None:
    app.extensions["schema_version"] = _Guard()
    app.before_request(_refuse_an_unfit_database)


def look() -> Found:
    """How the database is now. Raises SQLAlchemy's errors where it does not answer."""
    guard = _guard()
    try:
        with db.engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    except OperationalError as error:
        if isinstance(error.orig, NoFile):
            return Found(Fit.OLDER, None, guard.expected, has_no_file=True)
        raise
    if len(heads) > 1:
        return Found(Fit.MIXED, ", ".join(sorted(heads)), guard.expected)
    revision = heads[0] if heads else None
    if revision == guard.expected:
        fit = Fit.SAME
    else:
        fit = Fit.OLDER if revision is None or revision in guard.known else Fit.NEWER
    return Found(fit, revision, guard.expected)


def look_again() -> None:
    """Let the next request look, since a statement failed in a way that tables which lack something make it fail."""
    _guard().fits = False


def require_fit() -> None:
    """Raise `UnfitDatabase` where the database is older than this program, or mixed. Looks until it fits."""
    guard = _guard()
    if guard.fits:
        return
    if guard.refused is not None and time.monotonic() - guard.refused[0] < _BELIEVED_SECONDS:
        raise UnfitDatabase(guard.refused[1])
    found = look()
    guard.fits = found.fit in (Fit.SAME, Fit.NEWER)
    if not guard.fits:
        guard.refused = time.monotonic(), found
        raise UnfitDatabase(found)
    guard.refused = None


def _refuse_an_unfit_database() -> None:
    if request.endpoint not in {None, "static"} and request.blueprint not in _ASKED_WITHOUT:
        require_fit()


def _guard() -> Any:
    return current_app.extensions["schema_version"]
