"""What the pages of one license have in common."""

from __future__ import annotations

from typing import Any

from flask import abort
from flask_login import current_user

from .. import access
from ..extensions import db
from . import queries


def license_or_404(license_id: int) -> Any:
    """The license's row as `queries.listing` has it, within the user's scope; one that is hidden is not there."""
    row = queries.find(db.session, access.scope_of(current_user), license_id)
    if row is None:
        abort(404)
    return row
