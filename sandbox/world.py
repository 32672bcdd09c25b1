"""Everything that the sandbox holds while it runs: tenants, faults, tokens, the record of requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from sandbox.faults import Fault, FaultBook
from sandbox.grants import Grants
from sandbox.journal import Journal
from sandbox.tenants import Tenant
from sandbox.tokens import TokenMint


class DomainTakenError(ValueError):
    """A domain is verified in one tenant only."""


class World:
    """The tenants by id and by domain, and what goes with them. Safe to use from many threads."""

    def __init__(self, tenants: Iterable[Tenant], latency_ms: int = 0) -> None:
        self.latency = latency_ms / 1000
        self.tokens = TokenMint()
        self.grants = Grants()
        self.journal = Journal()
        self._faults = FaultBook()
        self._lock = threading.Lock()
        self._tenants: dict[str, Tenant] = {}
        self._by_domain: dict[str, str] = {}
        for tenant in tenants:
            self.put(tenant)

    def tenants(self) -> list[Tenant]:
        with self._lock:
            return list(self._tenants.values())

    def tenant(self, name: str) -> Tenant | None:
        """The tenant with this id or verified domain, in any case."""
        key = name.lower()
        with self._lock:
            return self._tenants.get(self._by_domain.get(key, key))

    def put(self, tenant: Tenant, *, keep_faults: bool = False) -> bool:
        """Adds or replaces a tenant; whether it is new. Raises DomainTakenError. Faults start anew unless kept."""
        with self._lock:
            for domain in tenant.domains:
                owner = self._by_domain.get(domain.lower(), tenant.tenant_id)
                if owner != tenant.tenant_id:
                    raise DomainTakenError(f"the domain {domain} belongs to the tenant {owner}")
            new = tenant.tenant_id not in self._tenants
            self._forget_domains(tenant.tenant_id)
            self._tenants[tenant.tenant_id] = tenant
            self._by_domain.update({domain.lower(): tenant.tenant_id for domain in tenant.domains})
        if not keep_faults:
            self._faults.set(tenant.tenant_id, tenant.faults)
        return new

    def remove(self, tenant_id: str) -> None:
        with self._lock:
            self._forget_domains(tenant_id)
            self._tenants.pop(tenant_id, None)
        self._faults.set(tenant_id, ())

    def set_faults(self, tenant: Tenant, faults: tuple[Fault, ...]) -> None:
        """Replaces the tenant's faults; their counts start anew."""
        self.put(replace(tenant, faults=faults))

    def take_fault(self, tenant_id: str, route: str, area: str) -> Fault | None:
        """The fault that a request to this tenant meets now; see FaultBook.take."""
        return self._faults.take(tenant_id, route, area)

    def _forget_domains(self, tenant_id: str) -> None:
        known = self._tenants.get(tenant_id)
        for domain in known.domains if known else ():
            self._by_domain.pop(domain.lower(), None)
