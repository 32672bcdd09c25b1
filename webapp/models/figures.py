"""The figures of a license that follow from others: the one place where they are computed."""

from __future__ import annotations

from dataclasses import dataclass

# While a subscription is in one of these states its units cannot be used.
_WITHOUT_ACTIVE_UNITS = frozenset({"Suspended", "Deleted", "LockedOut"})


@dataclass(frozen=True)
class Seats:
    active: int
    consumed: int
    unused: int
    over: int


def seats(status: object, enabled: int, consumed: int) -> Seats:
    """The seats of a SKU of this status: none is active while it is Suspended, Deleted or LockedOut."""
    active = 0 if status in _WITHOUT_ACTIVE_UNITS else enabled
    return Seats(active, consumed, unused=max(active - consumed, 0), over=max(consumed - active, 0))
