"""Changes among users that cannot be read: what concerns more than these users is told as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from jobs.microsoft.errors import (
    AccessDenied,
    Expired,
    MicrosoftError,
    Refused,
    ServerFailed,
    SignInRefused,
    TlsFailed,
    Unreachable,
)
from jobs.microsoft.page import Ask, Leniency, Page
from jobs.microsoft.reply import Reply
from jobs.microsoft.transport import Answer
from jobs.microsoft.users import UsersRead, Wanted, read_users
from tests.jobs.microsoft.users import ID, OLD_LINK, Told, a_user
from webapp.models import Problem

PROBLEM = Problem("It did not work.", "Do something.")


class Fails(Told):
    """A Graph client that tells of a change, and then fails: with the next page, or at who is asked for by itself."""

    def __init__(self, error: MicrosoftError, *, at_a_page: bool) -> None:
        super().__init__([a_user()], a_user())
        self._error, self._at_a_page = error, at_a_page

    def from_page(self, first: Page, max_pages: int) -> Iterator[Page]:
        yield from super().from_page(first, max_pages)
        if self._at_a_page:
            raise self._error

    def together(self, asks: Sequence[Ask]) -> list[Page | Refused]:
        if any(ask.path.startswith(f"/users/{ID}") for ask in asks) and not self._at_a_page:
            return [self._error for _ in asks]  # type: ignore[misc]
        return super().together(asks)


def read(error: MicrosoftError, *, at_a_page: bool, may_fail: bool = False) -> UsersRead:
    wanted = Wanted(OLD_LINK, known=1, leniency=Leniency(may_fail))
    first = Page(wanted.ask, {"value": [{"id": ID, "jobTitle": "Head"}]}, Reply(Answer(200, {}, b""), None))
    return read_users(Fails(error, at_a_page=at_a_page), wanted, first)  # type: ignore[arg-type]


@pytest.mark.parametrize("at_a_page", [True, False])
@pytest.mark.parametrize("error", [SignInRefused(PROBLEM), TlsFailed(PROBLEM), ServerFailed(PROBLEM)])
def test_what_concerns_more_than_the_users_or_may_pass_is_raised(error: MicrosoftError, at_a_page: bool) -> None:
    with pytest.raises(type(error)):
        read(error, at_a_page=at_a_page)


@pytest.mark.parametrize("error", [ServerFailed(PROBLEM), Unreachable(PROBLEM)])
def test_at_the_last_try_everybody_is_read_where_the_changes_fail(error: MicrosoftError) -> None:
    assert read(error, at_a_page=False, may_fail=True).is_whole


@pytest.mark.parametrize("error", [AccessDenied(PROBLEM), Expired(PROBLEM)])
def test_where_who_changed_is_refused_everybody_is_read_and_nobody_is_left_out(error: MicrosoftError) -> None:
    read_whole = read(error, at_a_page=False)
    assert (read_whole.is_whole, list(read_whole.users)) == (True, [ID])
