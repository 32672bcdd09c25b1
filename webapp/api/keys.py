"""API keys: made once, shown once, stored as hashes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import abort, g
from htmx_flask import request
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from ..access import Permission, may
from ..database import forget_transaction, is_away
from ..extensions import db
from ..models import ApiKey, ApiKeyGrant, Organization, Role, utc_now
from ..models.base import DbSession
from ..models.user import hash_token

_PREFIX = "slk_"
_SHOWN = len(_PREFIX) + 6
# The time of the last use is written no more often than this.
_USES_APART = timedelta(minutes=1)


def create(session: DbSession, name: str, role: Role, organizations: list[Organization] | None) -> tuple[ApiKey, str]:
    """A new key and its text, which is nowhere else. Without a list it reads all organizations."""
    text = _PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        name=name, role=role, prefix=text[:_SHOWN], key_hash=hash_token(text), all_organizations=organizations is None
    )
    session.add(key)
    session.flush()
    session.add_all(
        ApiKeyGrant(api_key_id=key.id, organization_id=organization.id) for organization in organizations or ()
    )
    return key, text


def requires(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let only requests with a key that has the permission reach a view; `g.api_key` is the key there."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            key = _key_of_request()
            if not may(key, permission):
                abort(403, f"{key.name} has the role {key.role.label}. Use a key that was made with another role.")
            g.api_key = key
            return view(*args, **kwargs)

        return checked

    return decorate


def _key_of_request() -> ApiKey:
    given = request.authorization
    text = given.token if given is not None and given.type == "bearer" else None
    key = (
        db.session.scalar(select(ApiKey).where(ApiKey.key_hash == hash_token(text), ApiKey.revoked_at.is_(None)))
        if text
        else None
    )
    if key is None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
    _note_use(key)
    return key


def _note_use(key: ApiKey) -> None:
    now = utc_now()
    before = now - _USES_APART
    if key.last_used_at is not None and before < key.last_used_at <= now:
        return
    key_id = key.id
    # What was read so far ends here: on SQLite who reads first and writes later fails where another wrote in between.
    db.session.rollback()
    # One that lies ahead was noted by a clock that was.
    is_due = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= before, ApiKey.last_used_at > now)
    try:
        db.session.execute(update(ApiKey).where(ApiKey.id == key_id, is_due).values(last_used_at=now))
        db.session.commit()
    except SQLAlchemyError as error:
        if not is_away(error):
            raise
        # What can only be read is read all the same.
        forget_transaction()
