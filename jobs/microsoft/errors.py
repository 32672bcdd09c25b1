"""What can go wrong with Microsoft: one family of errors, each carrying the reason and the fix to show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from webapp.models import Problem


class MicrosoftError(Exception):
    """Something that was asked of Microsoft did not succeed; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.reason}" if problem.code else problem.reason)
        self.problem = problem


class Refused(MicrosoftError):
    """Asking again would not help before somebody changes something."""


class SignInRefused(Refused):
    """Entra ID did not issue a token. `field` names the part of the credentials at fault, where one is.

    With `needs_person` it wants to see the person whom the app acts for: they have to sign in again.
    """

    def __init__(self, problem: Problem, field: str | None = None, *, needs_person: bool = False) -> None:
        super().__init__(problem)
        self.field = field
        self.needs_person = needs_person


class AccessDenied(Refused):
    """Graph answered 403: the app lacks a permission."""


class NotFound(Refused):
    """Graph answered 404: what was asked for is not there, or not any more."""


class Expired(Refused):
    """Graph forgot the page or the changes that a link of its own named: what begins anew does not ask for them."""


class TlsFailed(Refused):
    """The other side's certificate could not be verified."""


class BadAnswer(Refused):
    """An answer that is not what Microsoft documents: nothing of it is believed."""

    def __init__(self, what: str, request_id: str = "", answered_at: datetime | None = None) -> None:
        reason = f"Microsoft's answer was not what its documentation says: {what}."
        fix = "Try again. If it stays, check whether a proxy or firewall between here and Microsoft changes answers."
        super().__init__(Problem(reason, fix, "unexpected_answer", request_id, answered_at))


class Transient(MicrosoftError):
    """Asking again later may help."""


class Unreachable(Transient):
    """No answer came: no network, a name that does not resolve, a connection refused or dropped."""

    # Whether there was not even a connection: that is how this machine is, or the host, and nothing of one tenant's.
    has_no_connection = False


def has_no_connection(error: MicrosoftError) -> bool:
    """Whether it failed because there was not even a connection."""
    return isinstance(error, Unreachable) and error.has_no_connection


class BrokenOff(Unreachable):
    """An answer began, but its end did not come, or it could not be decoded."""


class TimedOut(Unreachable):
    """No answer came within its time, which was long: it is not asked for again at once."""


class ServerFailed(Transient):
    """Microsoft answered with an error of its own (5xx)."""


class Throttled(Transient):
    """Microsoft asked to wait (429, or a 5xx with Retry-After). `seconds` is how long, None where it did not say.

    With `is_of_app` it concerns all requests of the app, in whatever tenant. `also` are further waits that came in the
    same batch: one of the app and a longer one of the tenant, say.
    """

    def __init__(self, problem: Problem, seconds: float | None, *, is_of_app: bool = False) -> None:
        super().__init__(problem)
        self.seconds = seconds
        self.is_of_app = is_of_app
        self.also: Sequence[Throttled] = ()


class HeldBack(Throttled):
    """Nothing was sent: a wait that Microsoft asked for is not over, or it would be asked too much at once."""
