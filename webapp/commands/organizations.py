"""`flask organizations`: list, create and import them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, BinaryIO

import click
from flask.cli import AppGroup
from sqlalchemy.orm import selectinload

from .. import access
from ..extensions import db
from ..integrations.matching import take_turns
from ..models import Organization
from ..models.portions import in_portions
from ..organizations import importing, records
from ..organizations.importing import Line, Plan, Verdict
from ..organizations.queries import Summary, listing, named, summaries
from ..organizations.reading import Sheet, read
from ..search import searchable
from ..text import count_of
from ..uploads.decoding import NotReadable
from .output import as_json_option, explained, print_record, print_records

organizations = AppGroup("organizations", help="The customers.")

_SHOWN = ("name", "phone", "domains", "tenants", "licenses", "active", "consumed", "unused", "over")


@organizations.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only whose name, domains or tenants have each word.")
@click.option("--archived", is_flag=True, help="Those that are archived, instead of those in use.")
@as_json_option
@explained
def list_organizations(search: str, archived: bool, as_json: bool) -> None:
    """Print the organizations with what they have."""
    query = listing(access.EVERYTHING, searchable(search), archived).options(selectinload(Organization.domains))
    found = db.session.scalars(query).all()
    figures: dict[int, Summary] = {}
    for some in in_portions(found):
        figures |= summaries(db.session, access.EVERYTHING, [row.id for row in some])
    print_records([_record(organization, figures[organization.id]) for organization in found], _SHOWN, as_json)


@organizations.command("create")
@click.argument("name")
@click.option("--address", default="", metavar="TEXT", help="Its postal address.")
@click.option("--phone", default="", metavar="TEXT", help="Its phone number.")
@click.option("--domain", multiple=True, metavar="DOMAIN", help="A domain of it; may be repeated.")
@as_json_option
@explained
def create(name: str, address: str, phone: str, domain: tuple[str, ...], as_json: bool) -> None:
    """Create the organization NAME. A name that is there already is refused."""
    try:
        details = records.clean(name, address, phone, "\n".join(domain))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    take_turns(db.session)
    other = named(db.session, access.EVERYTHING, details.name)
    if other is not None:
        state = "archived " if other.is_archived else ""
        raise click.ClickException(f"There is an {state}organization named {other.name} already.")
    organization = records.create(db.session, details)
    db.session.commit()
    if as_json:
        print_record(_record(organization, Summary()), _SHOWN, as_json)
    else:
        click.echo(f"Created {details.name}.")


@organizations.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only print what would become of each line.")
@click.option("--update", is_flag=True, help="Give those that exist the address, phone and domains of the file.")
@explained
def import_organizations(file: BinaryIO, dry_run: bool, update: bool) -> None:
    """Import the organizations in FILE, a CSV whose first line names the columns name, address, phone and domains.

    Only the name is needed. One that is there already is left as it is, unless --update is given. Exit 1 where lines
    are wrong; the others are imported all the same.
    """
    try:
        sheet = read(file)
    except NotReadable as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file.name} cannot be read from its start: name a file on disk.") from error
    if dry_run:
        done = importing.plan(db.session, access.EVERYTHING, sheet)
        db.session.rollback()
    else:
        done = importing.apply(db.session, access.EVERYTHING, sheet, update, file.name)
        db.session.commit()
    _print_plan(done, sheet, dry_run, update)
    wrong = done.counts[Verdict.INVALID] + done.counts[Verdict.DUPLICATE]
    if wrong:
        raise click.ClickException(f"{count_of(wrong, 'line')} of {len(done.lines):,} cannot be imported: see above.")


def _print_plan(plan: Plan, sheet: Sheet, is_dry_run: bool, update: bool) -> None:
    click.echo(importing.said(plan, update, is_dry_run))
    if sheet.unknown:
        click.echo(f"Columns that are not known, and left out: {', '.join(sheet.unknown)}.")
    for line in plan.lines:
        is_wrong = line.verdict in {Verdict.INVALID, Verdict.DUPLICATE}
        if is_wrong or is_dry_run:
            click.echo(f"Line {line.numbers}: {_said(line, update)}", err=is_wrong)


def _said(line: Line, update: bool) -> str:
    what = {
        Verdict.NEW: "is created",
        Verdict.SAME: "is there already",
        Verdict.DIFFERS: "is updated" if update else "is there already and differs",
        Verdict.DUPLICATE: "is left out",
        Verdict.INVALID: "is left out",
    }[line.verdict]
    differences = "; ".join(
        f"{difference.label.lower()} {difference.before or 'empty'} -> {difference.after}"
        for difference in line.differences
    )
    why = line.note or (f"{differences}." if differences else "")
    return " ".join(f"{line.row.details.name or 'no name'} {what}{f': {why}' if why else '.'}".split())


def _record(organization: Organization, summary: Summary) -> dict[str, Any]:
    return {
        "id": organization.id,
        "name": organization.name,
        "address": organization.address,
        "phone": organization.phone,
        "domains": [row.domain for row in organization.domains],
        "archived_at": organization.archived_at,
        **asdict(summary),
    }
