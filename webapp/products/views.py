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
from ..meanwhile import Meanwhile
from ..models import ImportKind, Product, utc_now
from ..paging import page_asked
from ..search import searchable
from ..searched_list import searched_list
from ..text import count_of
from ..uploads import pages
from ..uploads.allowance import allow_file
from ..uploads.forms import UploadForm
from . import importing, naming, queries
from .edition import Edition
from .forms import OwnNameForm
from .reading import LIMITS, read

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
    scope = access.scope_of(current_user)
    return searched_list(
        "products/index.html",
        "products/_table.html",
        queries.listing,
        lambda products: {"rows": queries.rows(db.session, scope, products)},
    )


@bp.route("/<id:product_id>", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_PRODUCTS)
def edit(product_id: int) -> tuple[str, int] | Response:
    product = db.session.get(Product, product_id)
    if product is not None and request.method == "POST":
        product = naming.held(db.session, product)
    if product is None:
        abort(404)
    page = page_asked(request.args)
    list_url = url_for(
        "products.index", q=searchable(request.args.get("q", "")) or None, page=page if page > 1 else None
    )
    form = OwnNameForm(obj=product)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        naming.name(db.session, product, form.own_name.data)
        db.session.commit()
        flash(f"{product.part_number} is shown as {product.name} everywhere.", "success")
        return redirect(list_url)
    [row] = queries.rows(db.session, access.scope_of(current_user), [product])
    html = render_template(
        "products/edit.html", form=form, meanwhile=meanwhile, row=row, product=product, list_url=list_url
    )
    return html, meanwhile.status


@bp.route("/import", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_PRODUCTS)
def upload() -> tuple[str, int] | Response:
    form = UploadForm()
    pending_id = pages.receive(form.file, read, importing.keep) if form.validate_on_submit() else None
    if pending_id is not None:
        return redirect(url_for("products.review", pending_id=pending_id))
    return render_template("products/upload.html", form=form), 422 if form.file.errors else 200


@bp.get("/import/<id:pending_id>")
@access.requires(Permission.MANAGE_PRODUCTS)
def review(pending_id: int) -> str | Response:
    pending = importing.pending(db.session, current_user.id, pending_id)
    if pending is None:
        return pages.ask_again("products.upload")
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
        return pages.ask_again("products.upload")
    done = importing.apply(db.session, edition, utc_now())
    db.session.commit()
    flash(f"Imported the names of {count_of(done.total, 'product')}. {_shown_anew(done.shown_anew)}", "success")
    return redirect(url_for("products.index"))


@bp.post("/import/<id:pending_id>/discard")
@access.requires(Permission.MANAGE_PRODUCTS)
def discard(pending_id: int) -> Response:
    return pages.discard(ImportKind.PRODUCTS, pending_id, "products.index")


def _shown_anew(number: int) -> str:
    if not number:
        return "All products are shown as before."
    return f"{count_of(number, 'product')} of your tenants {'is' if number == 1 else 'are'} shown by another name."
