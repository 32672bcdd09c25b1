"""Everything that the sandbox holds while it runs: tenants, their users, faults, tokens, the record of requests."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterable
from dataclasses import replace

from sandbox.counters import Counters
from sandbox.crowd import Crowd
from sandbox.directory import Directory
from sandbox.faults import Fault, FaultBook
from sandbox.grants import Grants
from sandbox.graph_errors import StateLoss
from sandbox.journal import KEPT, Journal
from sandbox.pace import Pace
from sandbox.tenants import Tenant
from sandbox.tokens import TokenMint


class DomainTakenError(ValueError):
    """A domain is verified in one tenant only."""


class World:
    """The tenants by id and by domain, and what goes with them. Safe to use from many threads.

    With several `processes` each has a copy of all this but the counters, so nothing can be changed then.
    """

    def __init__(
        self, tenants: Iterable[Tenant], latency_ms: int = 0, *, processes: int = 1, journal: int = KEPT
    ) -> None:
        self.latency = latency_ms / 1000
        self.processes = processes
        self.tokens = TokenMint()
        self.grants = Grants()
        self.counters = Counters(processes)
        self.journal = Journal(journal if processes == 1 else 0, self.latency)
        self.pace = Pace()
        self._faults = FaultBook()
        self._lock = threading.Lock()
        self._epochs = (f"{secrets.token_hex(4)}.{number}" for number in itertools.count())
        # Without their users, who are in the directories.
        self._tenants: dict[str, Tenant] = {}
        self._directories: dict[str, Directory] = {}
        self._state_losses: dict[str, StateLoss] = {}
        self._by_domain: dict[str, str] = {}
        for tenant in tenants:
            self.put(tenant)

    def tenants(self) -> list[Tenant]:
        """All of them with their users, but for the crowds."""
        with self._lock:
            tenants = list(self._tenants.values())
        return [self.with_users(tenant) for tenant in tenants]

    def tenant(self, name: str) -> Tenant | None:
        """The tenant with this id or verified domain, in any case; its users are in its directory."""
        key = name.lower()
        with self._lock:
            return self._tenants.get(self._by_domain.get(key, key))

    def with_users(self, tenant: Tenant) -> Tenant:
        """The tenant with those of its users who are none of its crowd."""
        users = self.directory(tenant.tenant_id).named_users()
        return replace(tenant, users=users) if users else tenant

    def directory(self, tenant_id: str) -> Directory:
        """The users of a tenant. One that is not there any more has none."""
        return self._directories.get(tenant_id) or Directory("none")

    def put(self, tenant: Tenant, *, keep_faults: bool = False) -> bool:
        """Adds or replaces a tenant; whether it is new. Raises DomainTakenError. Faults start anew unless kept.

        Whoever tracks its users sees how they differ, unless its crowd is another one, which ends all tracking.
        """
        with self._lock:
            for domain in tenant.domains:
                owner = self._by_domain.get(domain.lower(), tenant.tenant_id)
                if owner != tenant.tenant_id:
                    raise DomainTakenError(f"the domain {domain} belongs to the tenant {owner}")
            known = self._tenants.get(tenant.tenant_id)
            self._forget_domains(tenant.tenant_id)
            if known is None or known.crowd != tenant.crowd:
                self._directories[tenant.tenant_id] = Directory(next(self._epochs), tenant.users, Crowd.of(tenant))
            else:
                self._directories[tenant.tenant_id].replace_named(tenant.users)
            self._tenants[tenant.tenant_id] = replace(tenant, users=()) if tenant.users else tenant
            self._by_domain.update({domain.lower(): tenant.tenant_id for domain in tenant.domains})
        if not keep_faults:
            self._faults.set(tenant.tenant_id, tenant.faults)
        return known is None

    def remove(self, tenant_id: str) -> None:
        with self._lock:
            self._forget_domains(tenant_id)
            self._tenants.pop(tenant_id, None)
            self._directories.pop(tenant_id, None)
        self._faults.set(tenant_id, ())

    def set_faults(self, tenant: Tenant, faults: tuple[Fault, ...]) -> None:
        """Replaces the tenant's faults; their counts start anew."""
        self.put(replace(self.with_users(tenant), faults=faults))

    def take_fault(self, tenant_id: str, route: str, area: str, has_state_token: bool) -> Fault | None:
        """The fault that a request to this tenant meets now; see FaultBook.take."""
        return self._faults.take(tenant_id, route, area, has_state_token)

    def expire_delta_tokens(self, tenant_id: str, how: StateLoss) -> None:
        """The delta tokens that were issued so far are answered so from now on."""
        self._state_losses[tenant_id] = how
        self.directory(tenant_id).expire_tokens()

    def state_loss(self, tenant_id: str) -> StateLoss:
        """How a delta token that is no longer good is answered."""
        return self._state_losses.get(tenant_id, "gone")

    def _forget_domains(self, tenant_id: str) -> None:
        known = self._tenants.get(tenant_id)
        for domain in known.domains if known else ():
            self._by_domain.pop(domain.lower(), None)
