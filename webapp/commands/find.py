"""Finding what a command names; what is not found, or is several things, ends the command with a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import click
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from ..administration import groups
from ..extensions import db
from ..integrations.matching import organizations_named
from ..integrations.queries import RunRow, run_row
from ..models import Integration, Organization, Removal, Tenant, UserGroup, fold
from ..search import LARGEST_ID
from ..text import one_line


def integration_named(name: str) -> Integration:
    """The live integration of this name, whatever its case."""
    called = select(Integration).where(Integration.name_folded == fold(one_line(name)), Integration.is_listed)
    found = db.session.scalar(called.order_by(Integration.is_live.desc(), Integration.id).limit(1))
    if found is not None and found.is_live:
        return found
    if found is not None:
        raise _being_removed(found)
    live = select(Integration.name).where(Integration.is_live).order_by(Integration.name_folded)
    names = db.session.scalars(live.limit(20)).all()
    hint = (
        f"There are: {one_line(', '.join(names))}."
        if names
        else "There is none yet; see `flask integrations connect --help`."
    )
    raise click.ClickException(f"There is no integration named {one_line(name)}. {hint}")


def tenant_called(text: str) -> Tenant:
    """The one tenant of this GUID, domain or name."""
    folded = fold(one_line(text))
    query = select(Tenant).options(joinedload(Tenant.integration)).order_by(Tenant.name_folded, Tenant.id)
    called = or_(Tenant.tenant_id == folded, Tenant.has_domain(folded), Tenant.name_folded == folded)
    # Nothing visible is nobody's name, though a domain may be unknown.
    found = db.session.scalars(query.where(called)).all() if folded else []
    if len(found) == 1 and found[0].integration.removal == Removal.DELETE:
        raise _being_removed(found[0].integration)
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.ClickException(
            f"There is no tenant called {one_line(text)}. `flask tenants list` shows them; TENANT is a GUID, a domain "
            "or a name."
        )
    raise _ambiguous(
        f"{len(found)} tenants are called {one_line(text)}. Name the one by its GUID:",
        [f"{tenant.tenant_id}  {tenant.name}  ({tenant.integration.name})" for tenant in found],
    )


def organization_named(name: str) -> Organization | None:
    """The one organization of this name, whatever its case; None where there is none."""
    named = organizations_named(db.session, [one_line(name)])[fold(one_line(name))]
    # An archived one comes into question only where none in use has the name.
    found = [organization for organization in named if not organization.is_archived] or named
    if len(found) > 1:
        raise _ambiguous(
            f"{len(found)} organizations are named {one_line(name)}. Rename all but one first, so that the name "
            "says which is meant:",
            [f"{organization.id}  {organization.name}" for organization in found],
        )
    return found[0] if found else None


def organization_given(name: str) -> Organization:
    """The one organization of this name, where nothing goes on without one."""
    organization = organization_named(name)
    if organization is None:
        raise click.ClickException(f"There is no organization named {one_line(name)}.")
    return organization


def group_named(name: str) -> UserGroup:
    """The group of this name, whatever its case."""
    group = groups.named(db.session, one_line(name))
    if group is None:
        raise click.ClickException(f"There is no group named {one_line(name)}. `flask groups list` shows them.")
    return group


def run_numbered(run_id: int) -> RunRow:
    """The run of this number, as `flask runs list` shows it."""
    found = run_row(run_id) if run_id <= LARGEST_ID else None
    if found is None:
        raise click.ClickException(f"There is no run {run_id}. `flask runs list` shows them; old ones are not kept.")
    return found


def _being_removed(integration: Integration) -> click.ClickException:
    return click.ClickException(f"{integration.name} is being removed, so nothing can be done with it any more.")


def _ambiguous(sentence: str, candidates: Sequence[str]) -> click.ClickException:
    return click.ClickException("\n".join([sentence, *(f"  {one_line(candidate)}" for candidate in candidates)]))
