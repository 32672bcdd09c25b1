"""What was done to the matches of tenants, in words: for notices, and for the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from .. import audit
from ..models import AuditArea, Tenant
from ..text import at_the_end, count_of
from .steps import Reason, Step

# How many of a bulk's tenants an entry of the audit log names.
MOST_NAMED = 200

_DID = {
    Reason.NEW: "matched to new organizations",
    Reason.IGNORED: "ignored",
    Reason.UNMATCHED: "unmatched",
    Reason.NO_LONGER_IGNORED: "not ignored any more",
}


def sentence(steps: Sequence[Step], tenants: Mapping[int, Tenant]) -> str:
    """What was done: "Contoso is matched to Contoso Ltd.", "12 tenants matched, 3 ignored."; empty where nothing."""
    if not steps:
        return ""
    if len(steps) == 1:
        return _of_one(steps[0], tenants[steps[0].tenant_id])
    counts = Counter(_DID.get(step.reason, "matched") for step in steps)
    (first, number), *others = counts.items()
    return ", ".join([f"{count_of(number, 'tenant')} {first}", *(f"{times:,} {did}" for did, times in others)]) + "."


def record(steps: Sequence[Step], tenants: Mapping[int, Tenant], created: int) -> None:
    """Tell the audit log what was done; many tenants are counted, and the first ones named."""
    if steps:
        audit.record(
            AuditArea.INTEGRATIONS,
            sentence(steps, tenants).removesuffix("."),
            by_reason=dict(Counter(step.reason.value for step in steps)),
            organizations_created=created,
            tenants=named(tenants[step.tenant_id] for step in steps),
        )


def named(tenants: Iterable[Tenant]) -> list[dict[str, str | None]]:
    """The first of the tenants, and the organizations that they are matched to, as the audit log keeps them."""
    return [
        {
            "tenant_id": tenant.tenant_id,
            "name": tenant.name,
            "organization": tenant.organization.name if tenant.organization else None,
        }
        for tenant in islice(tenants, MOST_NAMED)
    ]


def _of_one(step: Step, tenant: Tenant) -> str:
    if tenant.organization is not None:
        new = "the new organization " if step.reason == Reason.NEW else ""
        return f"{tenant.name} is matched to {new}{at_the_end(tenant.organization.name)}"
    if step.reason == Reason.IGNORED:
        return f"{tenant.name} is ignored."
    return f"{tenant.name} is not {'ignored' if step.reason == Reason.NO_LONGER_IGNORED else 'matched'} any more."
