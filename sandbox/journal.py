"""The record of requests: who asked for what, what they got, and whether they waited as long as they had been told."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

_KEPT = 100_000


@dataclass(frozen=True)
class Entry:
    """One request. `status` is None where the connection was dropped; `early` is that a Retry-After had not passed."""

    time: str
    tenant: str | None
    route: str
    method: str
    path: str
    query: str
    status: int | None
    early: bool


class Journal:
    """The latest requests, in the order of their answers. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._pauses: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)

    def is_early(self, tenant: str, area: str, received_at: float) -> bool:
        """Whether a request received then came between a Retry-After of this tenant and area and its end."""
        with self._lock:
            return any(told < received_at < until for told, until in self._pauses[(tenant, area)])

    def pause(self, tenant: str, area: str, told: float, until: float) -> None:
        """Notes that the caller has been told at one moment not to come back before another."""
        with self._lock:
            self._pauses[(tenant, area)].append((told, until))

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def clear(self, tenant: str | None = None) -> None:
        """Forgets the requests, of one tenant or all. What callers were told to wait for is not forgotten."""
        with self._lock:
            kept = [entry for entry in self._entries if tenant is not None and entry.tenant != tenant]
            self._entries.clear()
            self._entries.extend(kept)

    def report(self, tenant: str | None = None) -> dict[str, Any]:
        """The requests and their counts by path and status, of one tenant or all."""
        with self._lock:
            entries = [entry for entry in self._entries if tenant is None or entry.tenant == tenant]
        counts = Counter((entry.path, entry.status) for entry in entries)
        return {
            "total": len(entries),
            "early": sum(entry.early for entry in entries),
            "counts": [{"path": path, "status": status, "count": count} for (path, status), count in counts.items()],
            "requests": [asdict(entry) for entry in entries],
        }


def timestamp(moment: float) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat()
