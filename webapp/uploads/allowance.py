"""How large a request may be that uploads a file; any other may have no more than a form."""

from __future__ import annotations

from flask import request
from flask_login import current_user

from .. import access
from ..access import Permission
from ..extensions import db

# Beside the file, the form has a token and the file's name.
_AROUND_THE_FILE = 64 * 1024


def allow_file(permission: Permission, largest_file: int) -> None:
    """Take a large request from whoever has the permission. Call it before the form is read for its token."""
    if current_user.is_authenticated and access.may(current_user, permission):
        request.max_content_length = largest_file + _AROUND_THE_FILE
    # Who sends slowly keeps nobody from writing.
    db.session.rollback()
