"""What a list of contacts is narrowed by. An address holds it, so that an address is a saved view."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from werkzeug.datastructures import MultiDict

from ..paging import page_asked
from ..saved_view import SavedView
from ..search import each_value, searchable


class Origin(StrEnum):
    """Where a contact comes from."""

    # A Microsoft 365 user gives its fields; gave them and does no more; or somebody typed it in.
    LINKED = "linked"
    UNLINKED = "unlinked"
    TYPED_IN = "typed-in"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Origin.LINKED: "Linked to Microsoft 365",
    Origin.UNLINKED: "No longer linked",
    Origin.TYPED_IN: "Typed in",
}


@dataclass(frozen=True)
class Filters(SavedView):
    """A view of the contacts. Values of one kind widen it, kinds narrow it; whatever was asked for, it is valid."""

    q: str = ""
    organization: tuple[str, ...] = ()
    origin: tuple[Origin, ...] = ()
    page: int = 1

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Filters:
        """The view that an address's parameters ask for. What makes no sense there is as if it were not there."""
        origins = args.getlist("origin")
        return cls(
            q=searchable(args.get("q", "")),
            organization=each_value(args.getlist("organization")),
            origin=tuple(origin for origin in Origin if origin in origins),
            page=page_asked(args),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.organization or self.origin)
