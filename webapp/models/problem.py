"""Why something could not be done and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """A reason and its fix, in the users' words, with Microsoft's code and request id where it gave them."""

    reason: str
    fix: str
    code: str = ""
    request_id: str = ""

    def columns(self) -> dict[str, str]:
        """The problem as the columns of the same names."""
        return asdict(self)


NOTHING_MATCHED = Problem(
    "No tenant is matched to an organization yet, so there was nothing to sync.",
    "Open Actions > Match Tenants, choose an organization for the tenant, and sync again.",
    code="nothing_matched",
)
NOTHING_CHOSEN = Problem(
    "Nothing is chosen to sync.",
    "Open Actions > Sync Settings, tick Licenses, save, and sync again.",
    code="nothing_chosen",
)
LOST_TOO_OFTEN = Problem(
    "The work on this tenant was lost several times before it could finish.",
    "Look into the worker's log for the cause, then sync again.",
    code="lost",
)
