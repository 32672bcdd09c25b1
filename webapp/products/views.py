"""Account > Products."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Product, utc_now
from ..paging import Page, count_rows
from ..search import searchable
from ..templating import page_or_partial, with_address
from ..uploads.allowance import allow_file
from ..uploads.decoding import NotReadable
from . import importing, naming, queries
from .edition import Edition
from .forms import OwnNameForm, UploadForm
from .reading import LIMITS, read

PER_PAGE = 50
# What the dry run's page lists of each kind; the command prints all.
MOST_SHOWN = 200

bp = Blueprint("products", __name__, url_prefix="/account/products")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.url_value_preprocessor
def allow_large_file(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take a large request from whoever may upload. It is decided here, before the form is read for its token."""
    if endpoint == "products.upload" and request.method == "POST":
        allow_file(Permission.MANAGE_PRODUCTS, LIMITS.largest_file)


@bp.get("")
@access.requires(Permission.MANAGE_PRODUCTS)
def index() -> Response:
    q = searchable(request.args.get("q", ""))
    query = queries.listing(q)
    page = Page(request.args.get("page", 1, type=int), PER_PAGE, count_rows(db.session, query))
    products = db.session.scalars(query.limit(PER_PAGE).offset(page.offset)).all()

    def address(page: int = 1) -> str:
        return url_for("products.index", q=q or None, page=page if page > 1 else None)

    html = page_or_partial(
        "products/index.html",
        "products/_table.html",
        rows=queries.rows(db.session, access.scope_of(current_user), products),
        paging=page,
        q=q,
        address=address,
    )
    return with_address(html, address(page.number))


@bp.route("/<id:product_id>", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_PRODUCTS)
def edit(product_id: int) -> tuple[str, int] | Response:
    product = db.session.get(Product, product_id)
    if product is None:
        abort(404)
    page = request.args.get("page", 1, type=int)
    list_url = url_for(
        "products.index", q=searchable(request.args.get("q", "")) or None, page=page if page > 1 else None
    )
    form = OwnNameForm(obj=product)
    if form.validate_on_submit():
        naming.name(db.session, product, form.own_name.data)
        db.session.commit()
        flash(f"{product.part_number} is shown as {product.name} everywhere.", "success")
        return redirect(list_url)
    [row] = queries.rows(db.session, access.scope_of(current_user), [product])
    html = render_template("products/edit.html", form=form, row=row, product=product, list_url=list_url)
    return html, 422 if form.errors else 200


@bp.route("/import", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_PRODUCTS)
def upload() -> tuple[str, int] | Response:
    form = UploadForm()
    if form.validate_on_submit():
        user_id = current_user.id
        db.session.rollback()  # nobody else waits while the file is read
        try:
            edition = read(form.file.data.stream)
        except NotReadable as error:
            form.file.errors = [str(error)]
        else:
            pending = importing.keep(db.session, user_id, form.file.data.filename, edition)
            db.session.commit()
            return redirect(url_for("products.review", pending_id=pending.id))
    return render_template("products/upload.html", form=form), 422 if form.file.errors else 200


@bp.get("/import/<id:pending_id>")
@access.requires(Permission.MANAGE_PRODUCTS)
def review(pending_id: int) -> str | Response:
    pending = importing.pending(db.session, current_user.id, pending_id)
    if pending is None:
        return _ask_for_the_file_again()
    edition = Edition.from_plain(pending.content)
    return render_template(
        "products/review.html",
        pending=pending,
        edition=edition,
        plan=importing.plan(db.session, edition),
        most_shown=MOST_SHOWN,
    )


@bp.post("/import/<id:pending_id>")
@access.requires(Permission.MANAGE_PRODUCTS)
def apply(pending_id: int) -> Response:
    edition = importing.take(db.session, current_user.id, pending_id)
    if edition is None:
        return _ask_for_the_file_again()
    done = importing.apply(db.session, edition, utc_now())
    db.session.commit()
    flash(f"Imported the names of {_number(done.total, 'product')}. {_shown_anew(done.shown_anew)}", "success")
    return redirect(url_for("products.index"))


@bp.post("/import/<id:pending_id>/discard")
@access.requires(Permission.MANAGE_PRODUCTS)
def discard(pending_id: int) -> Response:
    importing.take(db.session, current_user.id, pending_id)
    db.session.commit()
    flash("The file was discarded. Nothing was changed.", "info")
    return redirect(url_for("products.index"))


def _shown_anew(number: int) -> str:
    if not number:
        return "All products are shown as before."
    return f"{_number(number, 'product')} of your tenants {'is' if number == 1 else 'are'} shown by another name."


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _ask_for_the_file_again() -> Response:
    flash("That file was imported, discarded or replaced by another one, or a day has passed. Choose it again.", "info")
    return redirect(url_for("products.upload"))
