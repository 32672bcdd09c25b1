"""`flask products`: what the SKUs are called, and importing Microsoft's list of their names."""

from __future__ import annotations

from typing import BinaryIO

import click
from flask.cli import AppGroup

from .. import access
from ..extensions import db
from ..models import utc_now
from ..products import importing, queries
from ..products.edition import Edition
from ..products.reading import read
from ..uploads.decoding import NotReadable
from .output import as_json_option, explained, print_records

products = AppGroup("products", help="What the products are called.")

_COLUMNS = ("name", "part_number", "sku_id", "source", "licenses")


@products.command("list")
@as_json_option
@explained
def list_products(as_json: bool) -> None:
    """List the products seen in any tenant, with where each one's name comes from and its number of licenses."""
    found = queries.rows(db.session, access.EVERYTHING, db.session.scalars(queries.listing()).all())
    records = [
        {
            "name": row.product.name,
            "part_number": row.product.part_number,
            "sku_id": row.product.sku_id,
            "source": row.source.value,
            "own_name": row.product.own_name or None,
            "licenses": row.licenses,
        }
        for row in found
    ]
    print_records(records, _COLUMNS, as_json)


@products.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@explained
def import_names(file: BinaryIO, dry_run: bool) -> None:
    """Import the product names in FILE, Microsoft's CSV "Product names and service plan identifiers for licensing".

    Microsoft publishes a new edition about once a month. A name of one's own goes on being shown.
    """
    try:
        edition = read(file)
    except NotReadable as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file.name} cannot be read from its start: name a file on disk.") from error
    if dry_run:
        done = importing.plan(db.session, edition)
        db.session.rollback()
    else:
        done = importing.apply(db.session, edition, utc_now())
        db.session.commit()
    _print_plan(done, dry_run)
    _print_notes(edition)


def _print_plan(plan: importing.Plan, is_dry_run: bool) -> None:
    click.echo(
        f"{'Would import' if is_dry_run else 'Imported'} the names of products: {plan.total:,} in the file, "
        f"{len(plan.new):,} new, {len(plan.changed):,} changed, {plan.unchanged:,} unchanged."
    )
    if plan.kept:
        click.echo(f"Names of earlier imports that the file lacks stay: {plan.kept:,}.")
    for change in plan.changed:
        own = f" (shown as {change.own_name}, its own name)" if change.own_name else ""
        click.echo(f"  {change.before} -> {change.after}  [{change.part_number}]{own}")


def _print_notes(edition: Edition) -> None:
    for spelled in edition.spellings:
        (chosen, times), *others = spelled.names
        rest = ", ".join(f"{name} ({number:,})" for name, number in others)
        click.echo(f"Several spellings of {spelled.part_number}: took {chosen} ({times:,}), not {rest}.")
    _say_rest("products with several spellings", edition.spellings_count - len(edition.spellings))
    for unread in edition.unread:
        click.echo(f"{unread.lines} left out: {unread.reason}.", err=True)
    _say_rest("lines left out", edition.unread_count - len(edition.unread))


def _say_rest(what: str, number: int) -> None:
    if number:
        click.echo(f"... and {number:,} more {what}.", err=True)
