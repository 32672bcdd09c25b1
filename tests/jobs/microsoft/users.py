"""Users as Graph tells of them, and a client of Graph's that does so without a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jobs.microsoft.errors import NotFound, Refused
from jobs.microsoft.page import Ask, Page
from jobs.microsoft.reply import Reply
from jobs.microsoft.transport import Answer
from webapp.models import Problem

ID = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0"
# Where the changes of its tenant are told.
OLD_LINK = "/users/delta?$deltatoken=old"


def a_user(**values: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "displayName": "Anna Berg",
        "givenName": "Anna",
        "surname": "Berg",
        "userPrincipalName": "anna@contoso.example",
        **values,
    }


class Pages:
    """A Graph client that has these pages."""

    def __init__(self, *pages: list[Any]) -> None:
        self.contents = pages

    def from_page(self, first: Page, max_pages: int) -> Iterator[Page]:
        for content in self.contents[:max_pages]:
            yield Page(first.ask, {"value": content}, first.reply)

    whole_list = from_page


class Told(Pages):
    """A Graph client that tells of these changes, and for each user that is asked for by itself finds this.

    Where the changes are not taken, it lists the same users.
    """

    def __init__(self, changes: list[Any], found: dict[str, Any] | None) -> None:
        super().__init__(changes)
        self.found = found

    def path_of(self, page: Page, link: Any) -> str:
        return "/users/delta?$deltatoken=new"

    def together(self, asks: Sequence[Ask]) -> list[Page | Refused]:
        if self.found is None:
            return [NotFound(Problem("It is not there.", "Wait.")) for _ in asks]
        return [Page(ask, self.found, Reply(Answer(200, {}, b""), None)) for ask in asks]

    def page(self, ask: Ask) -> Page:
        return Page(ask, {}, Reply(Answer(200, {}, b""), None))
