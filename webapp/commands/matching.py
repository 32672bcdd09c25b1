"""`flask tenants match`: one tenant, or all that are unmatched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from ..extensions import db
from ..integrations import matching, telling, unlinking
from ..integrations.planning import carry_out, plan
from ..integrations.steps import Kept, Left, Placement, Reason, Step
from ..models import Integration, IntegrationRemoved, MatchingAction, Organization, Tenant, TenantState, utc_now
from ..models.organization import LONGEST_NAME
from ..models.portions import in_portions
from ..text import name as as_name
from ..text import one_line
from . import find
from .output import explained

# Tenants that --create-organizations leaves and somebody must look at.
_NEEDS_SOMEBODY = (Kept.NAMESAKES, Kept.ARCHIVED)


@click.command("match")
@click.argument("tenant", required=False)
@click.argument("organization", required=False)
@click.option("--create", is_flag=True, help="Create ORGANIZATION where there is none of that name.")
@click.option(
    "--create-organizations",
    is_flag=True,
    help="Match all unmatched tenants to the organizations of their names, creating those that do not exist.",
)
@click.option(
    "--accept-suggestions",
    is_flag=True,
    help="Match all unmatched tenants to the organizations that `flask tenants list` suggests.",
)
@click.option("--integration", metavar="NAME", help="Of all that are unmatched, only the tenants of this integration.")
@click.option("--dry-run", is_flag=True, help="Only print what would be matched.")
@with_appcontext
@explained
def match(
    tenant: str | None,
    organization: str | None,
    create: bool,
    create_organizations: bool,
    accept_suggestions: bool,
    integration: str | None,
    dry_run: bool,
) -> None:
    """Match TENANT, a GUID, domain or name, to the ORGANIZATION of that name; or all that are unmatched.

    \b
        flask tenants match contoso.onmicrosoft.com "Contoso Ltd"
        flask tenants match --accept-suggestions --dry-run
        flask tenants match --create-organizations
    """
    if create_organizations or accept_suggestions:
        if tenant is not None or create or (create_organizations and accept_suggestions):
            raise click.UsageError(
                "--create-organizations and --accept-suggestions each stand alone: they match all unmatched tenants."
            )
        action = MatchingAction.CREATE if create_organizations else MatchingAction.ACCEPT
        _match_all(action, find.integration_named(integration).id if integration is not None else None, dry_run)
    elif tenant is None or organization is None:
        raise click.UsageError(
            "Name a TENANT and an ORGANIZATION, or use --accept-suggestions or --create-organizations."
        )
    elif integration is not None:
        raise click.UsageError("--integration goes with --accept-suggestions or --create-organizations.")
    else:
        _match_one(tenant, organization, create, dry_run)


def _match_one(text: str, name: str, create: bool, dry_run: bool) -> None:
    found = find.tenant_called(text)
    matching.take_turns(db.session)
    tenants = matching.hold(db.session, [found.id])
    if found.id not in tenants:
        raise IntegrationRemoved
    organization = find.organization_named(name)
    if organization is None and not create:
        raise click.ClickException(
            f"There is no organization named {one_line(name)}. Add --create to create it, or check the name."
        )
    if organization is not None and organization.is_archived:
        raise click.ClickException(f"{organization.name} is archived. Bring it back first, or choose another one.")
    before = Placement.of(found)
    if organization is None:
        step = Step(found.id, Reason.NEW, before, new_name=_new_name(name))
    else:
        step = Step(found.id, Reason.CHOSEN, before, organization.id)
    to = organization.name if organization else step.new_name
    if dry_run:
        created = "create the organization and " if step.new_name else ""
        click.echo(f"Would {created}match {one_line(found.name)} to {to}.")
        db.session.rollback()
        return
    _do(tenants, [step])
    created = "Created the organization and matched" if step.new_name else "Matched"
    click.echo(f"{created} {one_line(found.name)} to {to}.")


def _match_all(action: MatchingAction, integration_id: int | None, dry_run: bool) -> None:
    unmatched = (
        select(Tenant.id)
        .join(Tenant.integration)
        .where(Integration.is_live, Tenant.organization_id.is_(None), Tenant.ignored_at.is_(None))
        .where(Tenant.gone_at.is_(None))
    )
    if integration_id is not None:
        unmatched = unmatched.where(Tenant.integration_id == integration_id)
    matching.take_turns(db.session)
    tenants = matching.hold(db.session, db.session.scalars(unmatched).all())
    in_order = sorted(tenants.values(), key=lambda tenant: (tenant.name_folded, tenant.id))
    planned = plan(db.session, action, in_order)
    organizations = _names(planned.steps)
    lines = [_line(step, tenants[step.tenant_id], organizations, dry_run) for step in planned.steps]
    left = [(one, one_line(tenants[one.tenant_id].name)) for one in planned.left]
    if not dry_run:
        _do(tenants, planned.steps)
    db.session.rollback()
    for line in lines:
        click.echo(line)
    for one, name in left:
        click.echo(f"{name}: left, {one.why.value}.", err=True)
    if not in_order:
        click.echo(f"No tenant is {TenantState.UNMATCHED.value}.")
    _refuse_silence(action, planned.left)


def _do(tenants: Mapping[int, Tenant], steps: Sequence[Step]) -> None:
    done = carry_out(db.session, tenants, steps, utc_now())
    telling.record(done.steps, tenants, len(done.created))
    db.session.commit()
    unlinking.go_on()


def _refuse_silence(action: MatchingAction, left: Sequence[Left]) -> None:
    if action == MatchingAction.CREATE and any(one.why in _NEEDS_SOMEBODY for one in left):
        raise click.ClickException("Match those that were left one by one, on the page Match Tenants.")


def _line(step: Step, tenant: Tenant, organizations: Mapping[int, str], dry_run: bool) -> str:
    to = step.new_name or organizations.get(step.organization_id or 0, "")
    why = f"{step.reason.value}, {step.score} %" if step.score else step.reason.value
    return f"{one_line(tenant.name)}: {'would be matched' if dry_run else 'matched'} to {one_line(to)} ({why})."


def _names(steps: Sequence[Step]) -> dict[int, str]:
    ids = sorted({step.organization_id for step in steps if step.organization_id is not None})
    names: dict[int, str] = {}
    for some in in_portions(ids):
        query = select(Organization.id, Organization.name).where(Organization.id.in_(some))
        names.update((row.id, row.name) for row in db.session.execute(query))
    return names


def _new_name(typed: str) -> str:
    try:
        name = as_name(typed, LONGEST_NAME)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not name:
        raise click.ClickException(f"{typed!r} cannot be an organization's name.")
    return name
