"""`flask integrations settings` and `flask tenants settings`: what is synced, and what the next sync will do."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..extensions import db
from ..integrations import forecast, intervals, offered_licenses, sync_settings
from ..integrations.sync_settings import Override
from ..integrations.user_choice import chosen_for_integration, rules_to_start_from
from ..models import IntegrationRemoved, utc_now
from ..models.schedule import EVERY_HOURS, MANUAL_ONLY
from ..text import one_line
from . import find
from .output import explained
from .user_options import UserOptions, sentence, user_options

_MANUAL = "manual"


@click.command("settings")
@click.argument("name")
@click.option("--licenses/--no-licenses", default=None, help="Whether to sync the licenses of its matched tenants.")
@click.option(
    "--every",
    type=click.Choice([*map(str, EVERY_HOURS), _MANUAL]),
    help="How often it syncs by itself, in hours; manual: only when somebody starts a sync.",
)
@click.option(
    "--match-by-name/--no-match-by-name",
    default=None,
    help="Whether a new tenant is matched, without asking, to the one organization of exactly its name.",
)
@user_options
@with_appcontext
@explained
def integration_settings(
    name: str, licenses: bool | None, every: str | None, match_by_name: bool | None, user_options: UserOptions
) -> None:
    """Choose what the integration NAME syncs, and how often; without an option, print what is chosen.

    \b
        flask integrations settings Contoso --users --guests
        flask integrations settings Contoso --users-with SPE_E3 --users-with SPE_E5
    """
    integration = find.integration_named(name)
    rules = chosen_for_integration(db.session, integration)
    if user_options.is_given:
        rules = user_options.applied_to(rules, offered_licenses.of_integration(integration.id))
    hours = None if every is None else MANUAL_ONLY if every == _MANUAL else int(every)
    wanted = sync_settings.Change(licenses, hours, rules if user_options.is_given else None, match_by_name)
    sync_settings.change(db.session, integration, wanted)
    db.session.commit()
    click.echo(f"{integration.name}\n  licenses: {'yes' if integration.sync_licenses else 'no'}")
    click.echo(f"  users: {sentence(rules)}")
    click.echo(f"  match new tenants by exact name: {'yes' if integration.match_by_name else 'no'}")
    click.echo(f"  automatic sync: {intervals.sentence(integration, utc_now())}")
    click.echo(f"  next sync: {forecast.of_integration(db.session, integration.id, rules).sentence}")


@click.command("settings")
@click.argument("tenant")
@click.option("--leave-out/--include", default=None, help="Whether syncs leave it out; what is stored of it stays.")
@click.option("--as-integration", is_flag=True, help="Sync it as its integration says: by no rules of its own.")
@user_options
@with_appcontext
@explained
def tenant_settings(tenant: str, leave_out: bool | None, as_integration: bool, user_options: UserOptions) -> None:
    """Choose how TENANT, a GUID, domain or name, is synced; without an option, print what is chosen.

    Each option for users gives it rules of its own, which begin with those of its integration.
    """
    if as_integration and (user_options.is_given or leave_out):
        raise click.UsageError("--as-integration stands alone: nothing of the tenant's own holds then.")
    if leave_out and user_options.is_given:
        raise click.UsageError("Use --leave-out alone: of a tenant that is left out, no users are synced.")
    found = find.tenant_called(tenant)
    if not found.integration.is_live:
        raise IntegrationRemoved
    rules, how = rules_to_start_from(db.session, found), Override.of(found)
    if leave_out:
        how = Override.LEFT_OUT
    elif as_integration:
        how = Override.AS_INTEGRATION
    elif user_options.is_given:
        rules, how = user_options.applied_to(rules, offered_licenses.of_tenant(found.id)), Override.OWN_RULES
    elif leave_out is False and how == Override.LEFT_OUT:
        how = Override.OWN_RULES if found.has_own_user_rules else Override.AS_INTEGRATION
    sync_settings.override(db.session, found, how, rules if user_options.is_given else None, utc_now())
    db.session.commit()
    if how == Override.AS_INTEGRATION:
        rules = chosen_for_integration(db.session, found.integration)
    click.echo(f"{one_line(found.name)}\n  synced: {how.label[0].lower()}{how.label[1:]}")
    click.echo(f"  users: {sentence(rules)}")
    click.echo(f"  next sync: {sync_settings.forecast_of(db.session, found, how, rules).sentence}")
