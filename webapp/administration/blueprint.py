"""The blueprint that all views of this area hang on, and what they share."""

from __future__ import annotations

from flask import Blueprint, abort, session

from .. import access
from ..access import Permission
from ..auth import links
from ..extensions import db
from ..models import User, UserGroup
from . import groups, users

bp = Blueprint("administration", __name__, url_prefix="/account")

USER = "/users/<id:user_id>"
GROUP = "/groups/<id:group_id>"

_SHOWN_ONCE = "link_shown_once"


def held_user(user_id: int) -> User:
    """The user, held until the transaction ends: for a request that changes them.

    Who had them before may have taken the role of who asks.
    """
    user = users.hold(db.session, user_id)
    access.require_still(Permission.MANAGE_USERS)
    if user is None:
        abort(404)
    return user


def held_group(group_id: int) -> UserGroup:
    """The same of a group."""
    group = groups.hold(db.session, group_id)
    access.require_still(Permission.MANAGE_USERS)
    if group is None:
        abort(404)
    return group


def show_once(issued: links.Issued) -> None:
    """Keep the link for the next page that this browser opens of its user: it is stored nowhere else."""
    session[_SHOWN_ONCE] = [issued.link_id, issued.address]


def take_shown(link_id: int | None) -> str | None:
    """The address of the user's link, if it was made just now."""
    kept = session.get(_SHOWN_ONCE)
    if kept is None or link_id is None or kept[0] != link_id:
        return None
    session.pop(_SHOWN_ONCE)
    return str(kept[1])
