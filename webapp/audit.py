"""Writing the audit log: one call beside each change that it tells of, in the same transaction."""

from __future__ import annotations

from typing import Any

from flask import has_request_context, request
from flask_login import current_user

from .extensions import db
from .models import AuditArea, AuditEntry, User

COMMAND_LINE = "command line"


def record(area: AuditArea, event: str, *, by: User | None = None, **details: Any) -> None:
    """Add an entry to the open transaction; the caller commits it with what it tells of.

    `by` is who did it, where that is not the user who is signed in. `details` are values that JSON knows: what was
    changed, from what to what; never a secret.
    """
    user = by or _signed_in()
    db.session.add(
        AuditEntry(
            area=area,
            user_id=user.id if user else None,
            actor=user.email if user else _nobody(),
            event=event,
            details=details,
            address=(request.remote_addr or "") if has_request_context() else "",
        )
    )


def _signed_in() -> User | None:
    if not has_request_context() or not current_user.is_authenticated:
        return None
    user: User = current_user._get_current_object()
    return user


def _nobody() -> str:
    return "nobody signed in" if has_request_context() else COMMAND_LINE
