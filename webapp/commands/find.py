"""Finding what a command names; what is not found, or is several things, ends the command with a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import click
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from ..extensions import db
from ..integrations.fields import one_line
from ..integrations.matching import organizations_named
from ..models import Integration, Organization, Tenant, fold
from ..search import clean


def integration_named(name: str) -> Integration:
    """The integration of this name, whatever its case."""
    found = db.session.scalar(select(Integration).where(Integration.name_folded == fold(clean(name))))
    if found is not None:
        return found
    names = db.session.scalars(select(Integration.name).order_by(Integration.name_folded).limit(20)).all()
    hint = (
        f"There are: {one_line(', '.join(names))}."
        if names
        else "There is none yet; see `flask integrations connect --help`."
    )
    raise click.ClickException(f"There is no integration named {one_line(name)}. {hint}")


def tenant_called(text: str) -> Tenant:
    """The one tenant of this GUID, default domain or name."""
    folded = fold(clean(text))
    query = select(Tenant).options(joinedload(Tenant.integration)).order_by(Tenant.name_folded, Tenant.id)
    called = or_(Tenant.tenant_id == folded, Tenant.default_domain == folded, Tenant.name_folded == folded)
    found = db.session.scalars(query.where(called)).all()
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
    found = organizations_named(db.session, [clean(name)])[fold(clean(name))]
    if len(found) > 1:
        raise _ambiguous(
            f"{len(found)} organizations are named {one_line(name)}. Match the tenant on its page instead:",
            [f"{organization.id}  {organization.name}" for organization in found],
        )
    return found[0] if found else None


def _ambiguous(sentence: str, candidates: Sequence[str]) -> click.ClickException:
    return click.ClickException("\n".join([sentence, *(f"  {one_line(candidate)}" for candidate in candidates)]))
