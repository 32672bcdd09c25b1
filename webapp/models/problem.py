"""Why something could not be done and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

# How the fix begins of what is no more than a hint: that something is not known which nobody asked to be synced.
NOTHING_TO_DO = "Nothing needs to be done."

_TEXTS = ("reason", "fix", "code", "request_id")


@dataclass(frozen=True)
class Problem:
    """A reason and its fix, in the users' words, with Microsoft's code, request id and date where it gave them.

    `needs_consent` tells that an administrator of the tenant can put it right by consenting to the app.
    """

    reason: str
    fix: str
    code: str = ""
    request_id: str = ""
    answered_at: datetime | None = None
    needs_consent: bool = False

    def __post_init__(self) -> None:
        # What Microsoft or a proxy says comes as it is: with characters that a database refuses, or that a log would
        # show as a line of its own.
        for name in _TEXTS:
            text: str = getattr(self, name)
            if not text.isprintable():
                object.__setattr__(self, name, _printable(text))

    @property
    def text(self) -> str:
        """Both, as sentences."""
        return f"{self.reason} {self.fix}"

    def columns(self) -> dict[str, Any]:
        """The problem as the columns of the same names."""
        return asdict(self)

    def texts(self) -> dict[str, str]:
        """Those of `columns` that are text, which are the columns of `HasProblem`."""
        return {name: getattr(self, name) for name in _TEXTS}


class HasProblem:
    """The columns of why something was not done, or not wholly, and what to do; all are empty where it was."""

    code: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(Text, default="")
    request_id: Mapped[str] = mapped_column(Text, default="")

    def explain(self, problem: Problem) -> None:
        for name, value in problem.texts().items():
            setattr(self, name, value)


# Zero width non-joiner and joiner: in names of Persian, and of emoji that are put together.
_JOINERS = "\u200c\u200d"


def _printable(text: str) -> str:
    kept = (character if character.isprintable() or character in _JOINERS else " " for character in text)
    return " ".join("".join(kept).split())


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
DISCOVERY_LOST = Problem(
    "Looking for new tenants was lost several times before it could finish, so this sync went on without.",
    "Look into the worker's log for the cause. The next sync looks again.",
    code="lost",
)
LOST_TOO_OFTEN = Problem(
    "The work on this tenant was lost several times before it could finish.",
    "Look into the worker's log for the cause. Where that breaks off, the machine's log tells whether the system ended "
    "the worker for want of memory. See with `flask doctor` that all clocks agree; then sync again.",
    code="lost",
)
OWN_FAULT = Problem("Something went wrong in Seatledger itself.", "The worker's log has the cause; please report it.")
REMOVED_MEANWHILE = Problem("The integration was removed meanwhile.", "Nothing was saved.", code="removed")
UNREADABLE_SECRET = Problem(
    "The stored client secret or certificate cannot be read: its encryption key is not among ENCRYPTION_KEYS any more.",
    "Put the key back into ENCRYPTION_KEYS, or enter the client secret again, or the certificate, under Actions > Edit "
    "Connection.",
    code="unreadable_secret",
)


def cancelled_by(who: str) -> Problem:
    """What a cancelled run says of itself."""
    return Problem(
        f"Cancelled by {who}.",
        "Tenants that were done before are up to date; the others keep their last good data.",
    )
