"""Importing organizations: the upload, its dry run line by line, and the import."""

from __future__ import annotations

from itertools import islice
from typing import Any

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import ImportKind
from ..paging import Page, page_asked
from ..uploads import pages
from ..uploads.allowance import allow_file
from ..uploads.forms import UploadForm
from . import importing
from .importing import Verdict
from .reading import COLUMNS, LIMITS, MOST_ROWS, Sheet, read
from .views import bp

LINES_PER_PAGE = 100
# Excel takes a file for UTF-8 only where it begins with this.
_TEMPLATE = "\N{ZERO WIDTH NO-BREAK SPACE}" + ",".join(COLUMNS) + "\r\n"


@bp.url_value_preprocessor
def allow_large_file(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """It is decided here, before the form is read for its token."""
    if endpoint == "organizations.upload" and request.method == "POST":
        allow_file(Permission.CREATE_ORGANIZATIONS, LIMITS.largest_file)


@bp.route("/organizations/import", methods=["GET", "POST"])
@access.requires(Permission.CREATE_ORGANIZATIONS)
def upload() -> tuple[str, int] | Response:
    form = UploadForm()
    pending_id = pages.receive(form.file, read, importing.keep) if form.validate_on_submit() else None
    if pending_id is not None:
        return redirect(url_for("organizations.review", pending_id=pending_id))
    page = render_template("organizations/upload.html", form=form, most_rows=MOST_ROWS)
    return page, 422 if form.file.errors else 200


@bp.get("/organizations/import/template.csv")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def template() -> Response:
    """A file to begin with: only its first line, since any other would be imported."""
    headers = {"Content-Disposition": 'attachment; filename="organizations.csv"'}
    return FlaskResponse(_TEMPLATE, content_type="text/csv; charset=utf-8", headers=headers)


@bp.get("/organizations/import/<id:pending_id>")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def review(pending_id: int) -> str | Response:
    pending = importing.pending(db.session, current_user.id, pending_id)
    if pending is None:
        return pages.ask_again("organizations.upload")
    sheet = Sheet.from_plain(pending.content)
    plan = importing.plan(db.session, access.scope_of(current_user), sheet)
    shown = _verdict(request.args.get("show", ""))
    counts = plan.counts
    page = Page(page_asked(request.args), LINES_PER_PAGE, counts[shown] if shown else len(plan.lines))

    def address(page: int = 1, show: Verdict | None = shown) -> str:
        return url_for(".review", pending_id=pending_id, show=show, page=page if page > 1 else None)

    return render_template(
        "organizations/review.html",
        pending=pending,
        sheet=sheet,
        lines=list(islice(plan.of(shown) if shown else plan.lines, page.offset, page.offset + LINES_PER_PAGE)),
        counts=counts,
        total=len(plan.lines),
        verdicts=list(Verdict),
        shown=shown,
        paging=page,
        address=address,
    )


@bp.post("/organizations/import/<id:pending_id>")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def apply(pending_id: int) -> Response:
    taken = importing.take(db.session, current_user.id, pending_id)
    if taken is None:
        return pages.ask_again("organizations.upload")
    sheet, file_name = taken
    update = bool(request.form.get("update"))
    done = importing.apply(db.session, access.scope_of(current_user), sheet, update, file_name)
    db.session.commit()
    flash(importing.said(done, update), "success")
    return redirect(url_for("organizations.index"))


@bp.post("/organizations/import/<id:pending_id>/discard")
@access.requires(Permission.CREATE_ORGANIZATIONS)
def discard(pending_id: int) -> Response:
    return pages.discard(ImportKind.ORGANIZATIONS, pending_id, "organizations.index")


def _verdict(text: str) -> Verdict | None:
    return Verdict(text) if text in list(Verdict) else None
