"""What the walk test walks through: two organizations with one record of each kind, and what belongs to neither."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.factories import Make, asset_field
from webapp.models import FlexibleAssetType, Organization, Role, RunState, User, utc_now


@dataclass(frozen=True)
class Customer:
    """The ids of an organization's records. Nobody is named in the security settings of the restricted ones."""

    organization: int
    tenant: int
    license: int
    restricted_license: int
    contact: int
    asset: int
    restricted_asset: int


@dataclass(frozen=True)
class World:
    """`viewer` has the role that is walked with, and is given the organization `own` and no other."""

    viewer: User
    own: Customer
    foreign: Customer
    integration: int
    run: int
    product: int
    type: int
    field: int
    slug: str
    user: int
    group: int


def build(make: Make, role: Role) -> World:
    own, foreign = make.organization(), make.organization()
    kind = make.asset_type(asset_field("Serial number"))
    integration = make.integration()
    run = make.run(integration=integration, state=RunState.OK, finished_at=utc_now())
    other = make.reader(foreign)
    return World(
        viewer=make.reader(own, role=role),
        own=_customer(make, own, kind, integration.id),
        foreign=_customer(make, foreign, kind, integration.id),
        integration=integration.id,
        run=run.id,
        product=make.product().id,
        type=kind.id,
        field=kind.fields[0].id,
        slug=kind.slug,
        user=other.id,
        group=make.group(other).id,
    )


def _customer(make: Make, organization: Organization, kind: FlexibleAssetType, integration_id: int) -> Customer:
    tenant = make.tenant(organization=organization, integration_id=integration_id)
    return Customer(
        organization=organization.id,
        tenant=tenant.id,
        license=make.license(tenant=tenant).id,
        restricted_license=make.license(tenant=tenant, is_restricted=True).id,
        contact=make.contact(organization=organization).id,
        asset=make.asset(organization=organization, type=kind).id,
        restricted_asset=make.asset(organization=organization, type=kind, is_restricted=True).id,
    )
