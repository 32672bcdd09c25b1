"""`python -m launcher.preparing`: the database of this version; the code for the first visitor, if any, is printed."""

from __future__ import annotations

import sys

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import DBAPIError

from config import load
from webapp import create_app
from webapp.extensions import db
from webapp.models import SetupCode, any_user
from webapp.schema_version import Fit, look
from webapp.unmigrated import why_not_migrated

from .saying import CannotStart, or_say_why, say


def _prepare() -> None:
    app = create_app(load())
    try:
        _migrate(app)
        code = _renewed_setup_code(app)
    except DBAPIError as error:
        raise CannotStart(why_not_migrated(error)) from error
    if code:
        say(code)


def _migrate(app: Flask) -> None:
    """Bring the database to this version. Raises where it is of a newer version or of several."""
    with app.app_context():
        try:
            found = look()
            if found.fit in (Fit.NEWER, Fit.MIXED):
                raise CannotStart(found.problem)
            upgrade()
        finally:
            db.engine.dispose()


def _renewed_setup_code(app: Flask) -> str | None:
    """The one-time code for the first visitor, new at each start; None once there is a user."""
    with app.app_context():
        if any_user(db.session):
            return None
        code = SetupCode.renew(db.session)
        db.session.commit()
        return code


if __name__ == "__main__":
    sys.exit(or_say_why(_prepare))
