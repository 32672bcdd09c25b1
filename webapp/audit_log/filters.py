"""What the audit log is narrowed to. An address holds it, so that an address is a saved view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from werkzeug.datastructures import MultiDict

from ..models import AuditArea
from ..paging import page_asked
from ..saved_view import SavedView
from ..search import searchable


@dataclass(frozen=True)
class Filters(SavedView):
    """A view of the log. Days are days of the zone, UTC where none is named, and both are within.

    Whatever was asked for, it is valid.
    """

    q: str = ""
    area: tuple[AuditArea, ...] = ()
    since: date | None = None
    until: date | None = None
    zone: str = ""
    page: int = 1

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Filters:
        """The view that an address's parameters ask for. What makes no sense there is as if it were not there."""
        return cls(
            q=searchable(args.get("q", "")),
            area=known_areas(args.getlist("area")),
            since=_day(args.get("since", "")),
            until=_day(args.get("until", "")),
            zone=_known_zone(args.get("zone", "")),
            page=page_asked(args),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.area or self.since or self.until)

    @property
    def begins_at(self) -> datetime | None:
        return self._beginning_of(self.since) if self.since else None

    @property
    def ends_before(self) -> datetime | None:
        # The last day that there is has none after it.
        if self.until is None or self.until == date.max:
            return None
        return self._beginning_of(self.until + timedelta(days=1))

    def parameters(self) -> dict[str, Any]:
        """The parameters of this view's address: only what is not as it is by default."""
        values = {
            "q": self.q,
            "area": [str(area) for area in self.area],
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "zone": self.zone if self.since or self.until else None,
            "page": self.page if self.page > 1 else None,
        }
        return {name: value for name, value in values.items() if value}

    def _beginning_of(self, day: date) -> datetime | None:
        """The moment at which the day begins; None where that is before, or after, all that there is."""
        try:
            return datetime.combine(day, time.min, ZoneInfo(self.zone) if self.zone else UTC).astimezone(UTC)
        except OverflowError:
            return None


def known_areas(names: Iterable[str]) -> tuple[AuditArea, ...]:
    wanted = set(names)
    return tuple(area for area in AuditArea if area.value in wanted)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _known_zone(name: str) -> str:
    """The name, where it is that of a time zone; only such a name becomes a path."""
    return name if name in _zones() else ""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
