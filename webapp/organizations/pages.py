"""What the pages of an organization have in common, whichever area they are of."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import abort
from flask_login import current_user

from .. import access
from ..extensions import db
from ..models import Organization
from . import queries


def organization_or_404(organization_id: int, to_add: bool = False) -> Organization:
    """The organization within the user's scope; one that is hidden is not there. For `to_add` see `queries.find`."""
    organization = queries.find(db.session, access.scope_of(current_user), organization_id, to_add)
    if organization is None:
        abort(404)
    return organization


def layout(organization: Organization | None, present: str) -> dict[str, Any]:
    """What the layout of an organization's pages takes; `present` is the entry of its sidebar that the page is.

    A list that is also of all organizations has none.
    """
    if organization is None:
        return {"organization": None}
    return {
        "organization": organization,
        "sidebar": partial(queries.sidebar, db.session, access.scope_of(current_user), organization),
        "present": present,
    }
