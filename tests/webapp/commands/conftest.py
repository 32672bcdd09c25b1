"""Commands as somebody types them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from tests.webapp.integrations.conftest import SECRET, microsoft, workers
from webapp.extensions import db

__all__ = ["Run", "microsoft", "workers"]

Run = Callable[..., Result]


@pytest.fixture
def flask(run_command: FlaskCliRunner) -> Run:
    """Run a command over what the test made so far; what it left in the database is there to be seen.

    It may fail, but not by an error that nobody foresaw, and never prints a secret.
    """

    def run(*args: str, stdin: str | bytes | None = None) -> Result:
        db.session.commit()
        result = run_command.invoke(args=list(args), input=stdin)
        db.session.rollback()
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert SECRET not in result.output
        assert "PRIVATE KEY" not in result.output
        return result

    return run


@pytest.fixture
def integrations(flask: Run) -> Run:
    """A command of `flask integrations`."""
    return partial(flask, "integrations")
