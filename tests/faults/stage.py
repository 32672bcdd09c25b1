"""The tenants of one round: as they are at Microsoft, and the rows by which Seatledger knows them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from sqlalchemy import select

from jobs import queue
from sandbox import Tenant as Given
from tests.support.factories import Make
from tests.support.turns import in_turn
from tests.support.waiting import eventually
from webapp.extensions import db
from webapp.models import Integration, SyncPart, SyncRun, TenantAddition, Trigger, utc_now
from webapp.models.user_rules import UserSync

from . import truth
from .customers import a_tenant, changed
from .microsoft import some_faults
from .truth import Kept, Rules
from .world import ENDS_WITHIN_SECONDS, World


@dataclass
class Stage:
    """An integration with its tenants; `before` and `versions` are of the run that is watched."""

    world: World
    integration_id: int
    rules: Rules
    secret: str
    # By tenant id: the row, and what the tenant is like now.
    rows: dict[str, int]
    tenants: dict[str, Given]
    before: dict[str, Kept] = field(default_factory=dict)
    # What each tenant has been like since the run began.
    versions: dict[str, list[Given]] = field(default_factory=dict)
    # The list of tenants that somebody pasted.
    addition_id: int | None = None

    def change_some(self, dice: Random, *, in_midst: bool) -> None:
        """Let things happen in some tenants; in the midst of a run not where a list has several pages.

        Those are no snapshot: what moves from one page to another while they are read is missed, or seen twice.
        """
        for tenant_id in dice.sample(sorted(self.tenants), dice.randint(1, len(self.tenants))):
            tenant = self.tenants[tenant_id]
            if in_midst and tenant.page_size:
                continue
            self.tenants[tenant_id] = now = changed(dice, tenant)
            self.versions.setdefault(tenant_id, []).append(now)
            name, skus, users = now.display_name, now.skus, now.users
            self.world.sandbox.patch_tenant(tenant_id, display_name=name, skus=skus, users=users)

    def add_some(self, dice: Random) -> None:
        """Paste a list of new tenants, of some that are known, and of one that is none."""
        client_id = next(iter(self.tenants.values())).client_id
        new = [a_tenant(dice, 100 + number, client_id, self.secret) for number in range(dice.randint(1, 12))]
        for tenant in new:
            self.world.sandbox.put_tenant(tenant)
        known = dice.sample(sorted(self.tenants), dice.randint(1, 4))
        lines = [*(tenant.tenant_id for tenant in new), *known, str(uuid.UUID(int=dice.getrandbits(128)))]
        dice.shuffle(lines)
        with self.world.looking():
            self.addition_id = _record_addition(self.integration_id, lines)
            queue.add_tenants(self.addition_id)

    def await_answers(self) -> None:
        """Until each line of the list has its answer, where somebody pasted one."""
        if self.addition_id is not None:
            eventually(self._is_answered, ENDS_WITHIN_SECONDS)

    def _is_answered(self) -> bool:
        with self.world.looking():
            return db.session.get_one(TenantAddition, self.addition_id).finished_at is not None

    def remember(self) -> None:
        """What is stored, and what the tenants are like, before the run that is watched."""
        self.versions = {tenant_id: [tenant] for tenant_id, tenant in self.tenants.items()}
        with self.world.looking():
            self.before = {tenant_id: truth.kept(row_id) for tenant_id, row_id in self.rows.items()}

    def break_some(self, dice: Random) -> dict[str, list[str]]:
        """Let things go wrong at Microsoft; returns what, by tenant."""
        told = {}
        for tenant_id in self.tenants:
            faults = some_faults(dice, self.world.trap.host)
            self.world.sandbox.faults(tenant_id, *faults)
            if faults:
                told[tenant_id] = [f"{fault.kind} on {fault.on}" for fault in faults]
        return told

    def mend(self) -> None:
        """Let nothing go wrong at Microsoft any more."""
        for tenant_id in self.tenants:
            self.world.sandbox.faults(tenant_id)

    def begin(self) -> int:
        """Start a run by hand; its id."""
        with self.world.looking():
            run_id = _record_run(self.integration_id)
            queue.sync(run_id)
        return run_id

    def let_schedule_begin(self) -> int:
        """Let the schedule start the next run; its id."""
        with self.world.looking():
            latest = db.session.scalars(select(SyncRun.id).order_by(SyncRun.id.desc())).first() or 0
            _make_due(self.integration_id)
        return eventually(lambda: self._run_after(latest), ENDS_WITHIN_SECONDS)

    def await_end(self, run_id: int) -> None:
        eventually(lambda: not self.run(run_id).state.is_active, ENDS_WITHIN_SECONDS)

    def run(self, run_id: int) -> SyncRun:
        with self.world.looking():
            run = db.session.get_one(SyncRun, run_id)
            db.session.expunge(run)
            return run

    def parts_of(self, run_id: int) -> list[SyncPart]:
        with self.world.looking():
            parts = list(db.session.scalars(select(SyncPart).where(SyncPart.run_id == run_id).order_by(SyncPart.id)))
            db.session.expunge_all()
            return parts

    def wrongs(self, run_id: int) -> Iterator[str]:
        """What is wrong with the run that is watched, which has ended, and with what it did."""
        tenant_ids = {row_id: tenant_id for tenant_id, row_id in self.rows.items()}
        with self.world.looking():
            run = db.session.get_one(SyncRun, run_id)
            parts = list(db.session.scalars(select(SyncPart).where(SyncPart.run_id == run_id)))
            for part in parts:
                tenant_id = tenant_ids[part.tenant_id]
                found = truth.wrongs_of_part(part, self.before[tenant_id], self.versions[tenant_id], self.rules)
                yield from (f"{tenant_id}: {wrong}" for wrong in found)
            yield from truth.wrongs_of_counts(run, [part.state for part in parts])
            yield from truth.doubles(self.integration_id)
            yield from truth.wrongs_of_history(self.integration_id)
            if self.addition_id is not None:
                yield from truth.wrongs_of_addition(self.addition_id, set(self.tenants))

    def _run_after(self, latest: int) -> int:
        with self.world.looking():
            return db.session.scalars(select(SyncRun.id).where(SyncRun.id > latest)).first() or 0


def set_up(world: World, dice: Random) -> Stage:
    """An integration with new tenants, and nothing else."""
    world.empty()
    for tenant in world.sandbox.tenants():
        world.sandbox.delete_tenant(tenant.tenant_id)
    world.sandbox.reset_requests()
    client_id, secret = str(uuid.UUID(int=dice.getrandbits(128))), f"secret-{secrets.token_hex(16)}"
    tenants = [a_tenant(dice, number, client_id, secret) for number in range(dice.randint(8, 20))]
    for tenant in tenants:
        world.sandbox.put_tenant(tenant)
    rules = Rules(*(dice.random() < 0.5 for _ in range(3)))
    with world.looking():
        integration = Make().integration(
            secret=secret,
            home_tenant_id=tenants[0].tenant_id,
            client_id=client_id,
            sync_every_hours=0,
            sync_users=UserSync.ALL,
            include_guests=rules.guests,
            include_blocked=rules.blocked,
            include_unlicensed=rules.unlicensed,
        )
        integration_id, rows = integration.id, {}
        for tenant in tenants:
            organization = Make().organization()
            row = Make().tenant(integration_id=integration_id, tenant_id=tenant.tenant_id, organization=organization)
            rows[tenant.tenant_id] = row.id
    return Stage(world, integration_id, rules, secret, rows, {tenant.tenant_id: tenant for tenant in tenants})


@in_turn
def _record_run(integration_id: int) -> int:
    run, _ = SyncRun.begin(db.session, integration_id, Trigger.MANUAL)
    db.session.commit()
    return run.id


@in_turn
def _record_addition(integration_id: int, lines: list[str]) -> int:
    addition = TenantAddition.begin(db.session, integration_id, [(line, None) for line in lines], "somebody")
    db.session.commit()
    return addition.id


@in_turn
def _make_due(integration_id: int) -> None:
    integration = db.session.get_one(Integration, integration_id)
    integration.sync_every_hours = 1
    integration.next_sync_at = utc_now()
    db.session.commit()
