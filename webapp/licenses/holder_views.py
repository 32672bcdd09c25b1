"""The list of who holds a license by itself: for HTMX, and as CSV."""

from __future__ import annotations

from flask import redirect, render_template
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..templating import with_address
from .holder_list import contacts_file, contacts_shown, page_address
from .pages import license_or_404
from .views import bp


@bp.get("/licenses/<id:license_id>/contacts")
@access.requires(Permission.READ)
def contacts(license_id: int) -> Response:
    """The contacts that hold the license: for HTMX the list alone, as CSV all of it; else the license's page."""
    license = license_or_404(license_id)
    if request.args.get("format") == "csv":
        return contacts_file(license)
    values = contacts_shown(license)
    here = page_address(license_id, values["q"], values["paging"].number)
    if not request.htmx or request.htmx.history_restore_request:
        return redirect(here)
    return with_address(render_template("licenses/_contacts.html", license=license, **values), here)
