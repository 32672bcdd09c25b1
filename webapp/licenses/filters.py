"""What a list of licenses is narrowed and sorted by. An address holds it, so that an address is a saved view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from ..models import STATUS_LABELS, fold
from ..paging import number_asked, page_asked
from ..saved_view import SavedView
from ..search import each_value, searchable

SORTS = (
    "organization",
    "tenant",
    "product",
    "status",
    "active",
    "consumed",
    "unused",
    "over",
    "last_synced",
    "disconnected",
)
DEFAULT_SORT = "product"
PER_PAGE, FEWEST_PER_PAGE, MOST_PER_PAGE = 50, 10, 200

# Whether a license is synced, or was kept when its integration was removed.
CONNECTED, DISCONNECTED = "connected", "disconnected"
CONNECTIONS = (CONNECTED, DISCONNECTED)

# Beside Microsoft's words the labels that the pages show, and either without its spaces.
_STATUSES = {
    fold(spelling).replace(" ", ""): str(status)
    for status, label in STATUS_LABELS.items()
    for spelling in (status, label)
}


@dataclass(frozen=True)
class Filters(SavedView):
    """A view of the licenses. Values of one kind widen it, kinds narrow it; whatever was asked for, it is valid."""

    q: str = ""
    organization: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    connection: tuple[str, ...] = ()
    sort: str = DEFAULT_SORT
    page: int = 1
    per_page: int = PER_PAGE

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Filters:
        """The view that an address's parameters ask for. What makes no sense there is as if it were not there."""
        return cls.made_of(
            q=args.get("q", ""),
            organization=args.getlist("organization"),
            tenant=args.getlist("tenant"),
            product=args.getlist("product"),
            status=args.getlist("status"),
            connection=args.getlist("connection"),
            sort=args.get("sort", ""),
            page=page_asked(args),
            per_page=min(max(number_asked(args, "per_page", PER_PAGE), FEWEST_PER_PAGE), MOST_PER_PAGE),
        )

    @classmethod
    def made_of(
        cls,
        q: str = "",
        organization: Iterable[str] = (),
        tenant: Iterable[str] = (),
        product: Iterable[str] = (),
        status: Iterable[str] = (),
        connection: Iterable[str] = (),
        sort: str = "",
        page: int = 1,
        per_page: int = PER_PAGE,
    ) -> Filters:
        """The view that somebody's words ask for, from an address or a command."""
        return cls(
            q=searchable(q),
            organization=each_value(organization),
            tenant=each_value(tenant),
            product=each_value(product),
            status=_statuses(status),
            connection=_connections(connection),
            sort=known_sort(sort) or DEFAULT_SORT,
            page=page,
            per_page=per_page,
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.organization or self.tenant or self.product or self.status or self.connection)

    @property
    def sort_field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")


def known_sort(text: str) -> str | None:
    """The text as a sort, or None where there is nothing of that name to sort by. `name` is the product's."""
    descending, field = text.startswith("-"), text.removeprefix("-").strip().lower()
    field = "product" if field == "name" else field
    if field not in SORTS:
        return None
    return f"-{field}" if descending else field


def _statuses(given: Iterable[str]) -> tuple[str, ...]:
    """Statuses in Microsoft's spelling where it is one that we know, and as they are where it is not."""
    return tuple(dict.fromkeys(_STATUSES.get(fold(value).replace(" ", ""), value) for value in each_value(given)))


def _connections(given: Iterable[str]) -> tuple[str, ...]:
    wanted = {value.lower() for value in each_value(given)}
    return tuple(connection for connection in CONNECTIONS if connection in wanted)
