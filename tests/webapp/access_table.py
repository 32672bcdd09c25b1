"""Who may do what, address by address: the one table that the walk test (test_access_walk.py) walks.

Whoever adds a view adds its row here, or the walk fails and says so. A row is made by one of three functions, named by
the methods that the view takes, and says who may: a `Permission`, or one of the three words below. Endpoints are those
of `flask routes`.

    get(Permission.READ, "contacts.show")                 a page
    both(Permission.EDIT_RECORDS, "contacts.edit")        a form: GET and POST
    post(Permission.EDIT_RECORDS, "contacts.unlink")      a button

`answers` names what who may gets besides success and a form's complaint (422): for an address that needs a state or a
row that the walk does not make, such as 404 for an upload that waits, or 409 for what is not disconnected.

Ids and names in addresses are filled in by their names, from `PARAMETERS`. A name that is not there yet is added: where
it names a record of a customer, with one that is hidden, so that the walk compares what is hidden with what is not
there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webapp.access import Permission

from .access_world import World

# Anybody, also who is not signed in; whoever is signed in; programs with an API key, and no browser.
PUBLIC, SIGNED_IN, API_KEY = "anybody", "signed in", "API key"


@dataclass(frozen=True)
class Row:
    endpoint: str
    method: str
    who: Permission | str
    answers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Parameter:
    """What stands in an address: of a record that is one's own, hidden by its organization, or by being restricted."""

    own: Callable[[World], object]
    foreign: Callable[[World], object] | None = None
    restricted: Callable[[World], object] | None = None


# An id that no row has.
MISSING = 987654


def get(who: Permission | str, *endpoints: str, answers: tuple[int, ...] = ()) -> list[Row]:
    return [Row(endpoint, "GET", who, frozenset(answers)) for endpoint in endpoints]


def post(who: Permission | str, *endpoints: str, answers: tuple[int, ...] = ()) -> list[Row]:
    return [Row(endpoint, "POST", who, frozenset(answers)) for endpoint in endpoints]


def both(who: Permission | str, *endpoints: str, answers: tuple[int, ...] = ()) -> list[Row]:
    return get(who, *endpoints, answers=answers) + post(who, *endpoints, answers=answers)


PARAMETERS: dict[str, Parameter] = {
    # Records of customers.
    "organization_id": Parameter(lambda world: world.own.organization, lambda world: world.foreign.organization),
    "license_id": Parameter(
        lambda world: world.own.license, lambda world: world.foreign.license, lambda world: world.own.restricted_license
    ),
    "contact_id": Parameter(lambda world: world.own.contact, lambda world: world.foreign.contact),
    "asset_id": Parameter(
        lambda world: world.own.asset, lambda world: world.foreign.asset, lambda world: world.own.restricted_asset
    ),
    # What only some roles see at all, whoever's it is.
    "integration_id": Parameter(lambda world: world.integration),
    "tenant_id": Parameter(lambda world: world.own.tenant),
    "run_id": Parameter(lambda world: world.run),
    "product_id": Parameter(lambda world: world.product),
    "type_id": Parameter(lambda world: world.type),
    "field_id": Parameter(lambda world: world.field),
    "user_id": Parameter(lambda world: world.user),
    "group_id": Parameter(lambda world: world.group),
    # What is kept for the one who uploaded or prepared it: the walk has none, see `answers`.
    "pending_id": Parameter(lambda world: MISSING),
    "addition_id": Parameter(lambda world: MISSING),
    "change_id": Parameter(lambda world: MISSING),
    # Words.
    "slug": Parameter(lambda world: world.slug),
    "kind": Parameter(lambda world: "organization"),
    "token": Parameter(lambda world: "no-such-token"),
    "filename": Parameter(lambda world: "app.css"),
}

TABLE: tuple[Row, ...] = (
    # Signing in, and one's own account
    *get(PUBLIC, "static", "health.alive"),
    *get(PUBLIC, "health.ready", answers=(503,)),
    # Not there before METRICS_TOKEN is set, and then for programs that send it.
    *get(PUBLIC, "metrics.show", answers=(404,)),
    *both(PUBLIC, "auth.sign_in", "auth.forgot"),
    *both(PUBLIC, "auth.setup", "auth.invitation", "auth.reset", answers=(404,)),
    *post(PUBLIC, "auth.sign_out"),
    *both(SIGNED_IN, "auth.password"),
    *get(Permission.READ, "auth.yours", "home"),
    # Organizations
    *get(Permission.READ, "organizations.index", "organizations.show"),
    *both(Permission.EDIT_ORGANIZATIONS, "organizations.edit"),
    *both(Permission.CREATE_ORGANIZATIONS, "organizations.add", "organizations.archive", "organizations.upload"),
    *post(Permission.CREATE_ORGANIZATIONS, "organizations.bring_back"),
    *get(Permission.CREATE_ORGANIZATIONS, "organizations.template"),
    *get(Permission.CREATE_ORGANIZATIONS, "organizations.review"),
    *post(Permission.CREATE_ORGANIZATIONS, "organizations.apply", "organizations.discard"),
    # Licenses
    *get(Permission.READ, "licenses.everyones", "licenses.organizations", "licenses.show", "licenses.choose"),
    *get(Permission.READ, "licenses.contacts"),
    # Contacts
    *get(Permission.READ, "contacts.everyones", "contacts.choose", "contacts.organizations", "contacts.show"),
    *both(Permission.EDIT_RECORDS, "contacts.add", "contacts.edit"),
    *both(Permission.DELETE_RECORDS, "contacts.delete"),
    # Assets
    *get(Permission.READ, "assets.everyones", "assets.organizations", "assets.show"),
    *get(Permission.READ, "assets.asset_history", "assets.license_history"),
    *get(Permission.EDIT_RECORDS, "assets.choose_contacts"),
    *both(Permission.EDIT_RECORDS, "assets.add"),
    *both(Permission.EDIT_RECORDS, "assets.edit"),
    # A license that is synced has no figures to edit.
    *both(Permission.EDIT_RECORDS, "assets.edit_figures", answers=(403, 409)),
    *both(Permission.DELETE_RECORDS, "assets.delete"),
    *both(Permission.SECURE_RECORDS, "assets.edit_license", "assets.edit_security"),
    *get(Permission.MANAGE_TYPES, "asset_types.index", "asset_types.show"),
    *both(Permission.MANAGE_TYPES, "asset_types.add", "asset_types.edit"),
    *both(Permission.MANAGE_TYPES, "asset_types.add_field", "asset_types.edit_field"),
    *post(Permission.MANAGE_TYPES, "asset_types.archive", "asset_types.bring_back", "asset_types.archive_field"),
    *post(Permission.MANAGE_TYPES, "asset_types.bring_back_field"),
    *post(Permission.MANAGE_TYPES, "asset_types.move_field", answers=(400,)),
    # Integrations
    *get(Permission.MANAGE_INTEGRATIONS, "integrations.index", "integrations.status", "integrations.all_tenants"),
    *get(Permission.MANAGE_INTEGRATIONS, "integrations.tenants", "integrations.runs", "integrations.run"),
    *get(Permission.MANAGE_INTEGRATIONS, "integrations.choose_organization", "integrations.organization_choices"),
    *both(Permission.MANAGE_INTEGRATIONS, "integrations.add", "integrations.connection", "integrations.settings"),
    *both(Permission.MANAGE_INTEGRATIONS, "integrations.add_tenants", "integrations.tenant_settings"),
    *both(Permission.MANAGE_INTEGRATIONS, "integrations.remove"),
    *both(Permission.MANAGE_INTEGRATIONS, "integrations.compare", answers=(503,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.sync", "integrations.pause", "integrations.resume"),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.match_tenant", "integrations.ignore_tenant"),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.create_organization", "integrations.unmatch_tenant"),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.preview_settings", "integrations.preview_tenant_settings"),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.find_tenants", answers=(503,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.cancel_run", "integrations.retry_run", answers=(409,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.sign_in", answers=(404, 409)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.forget_sign_in", answers=(404, 409)),
    *get(Permission.MANAGE_INTEGRATIONS, "integrations.sign_in_callback", answers=(400,)),
    *get(Permission.MANAGE_INTEGRATIONS, "integrations.tenant_addition", "integrations.change", answers=(404,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.repeat_addition", answers=(404,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.prepare_change", answers=(400,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.prepare_change_within", answers=(400,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.apply_change", "integrations.undo_change", answers=(404,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.leave_tenant_out", answers=(404,)),
    *post(Permission.MANAGE_INTEGRATIONS, "integrations.discard_change", answers=(404,)),
    # Products
    *get(Permission.MANAGE_PRODUCTS, "products.index", "products.review"),
    *both(Permission.MANAGE_PRODUCTS, "products.edit", "products.upload"),
    *post(Permission.MANAGE_PRODUCTS, "products.apply", "products.discard"),
    # Users, groups, the audit log
    *get(Permission.MANAGE_USERS, "administration.users_index", "administration.groups_index"),
    *both(Permission.MANAGE_USERS, "administration.invite", "administration.show_user", "administration.delete_user"),
    *both(Permission.MANAGE_USERS, "administration.add_group", "administration.edit_group"),
    *both(Permission.MANAGE_USERS, "administration.delete_group"),
    *post(Permission.MANAGE_USERS, "administration.deactivate", "administration.reactivate"),
    *post(Permission.MANAGE_USERS, "administration.make_link", "administration.sign_out_everywhere"),
    *get(Permission.READ_AUDIT_LOG, "audit_log.index"),
    # For programs
    *get(API_KEY, "api.licenses", "api.organizations"),
)
