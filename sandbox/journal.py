"""The record of requests: who asked for what, what they got, and whether they waited as long as they had been told."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

KEPT = 100_000
"""How many requests are kept where nobody says otherwise."""

GRACE_SECONDS = 0.5
"""How long after a Retry-After has been sent a request may still have been under way."""

# A pause that has been over for so long concerns no request that is still being answered.
_FORGOTTEN_AFTER = 900.0


@dataclass(frozen=True)
class Entry:
    """One request. `status` is None where the connection was dropped; `early` is that a Retry-After had not passed.

    `received_at` is a Unix time. One that came in a batch has the time of the batch, which has an entry of its own.
    """

    received_at: float
    tenant: str | None
    route: str
    method: str
    path: str
    query: str
    status: int | None
    early: bool
    in_batch: bool = False

    def as_json(self) -> dict[str, Any]:
        """Its fields, with the `time` in ISO 8601."""
        values = asdict(self)
        return {"time": datetime.fromtimestamp(values.pop("received_at"), UTC).isoformat(), **values}


@dataclass(frozen=True)
class _Pause:
    told: float
    until: float
    peer: str


class Journal:
    """The latest requests, in the order of their answers, and the pauses asked for. Safe to use from many threads.

    A pause belongs to a key: a tenant on one side of Microsoft, or an app.
    """

    def __init__(self, kept: int = KEPT, latency: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._pauses: dict[str, list[_Pause]] = defaultdict(list)
        self._grace = GRACE_SECONDS + latency

    @property
    def keeps_entries(self) -> bool:
        return bool(self._entries.maxlen)

    def is_early(self, key: str, peer: str, received_at: float) -> bool:
        """Whether a request that was received then came before the end of a pause of this key.

        One that came within the grace may have been under way already, unless it came over the very connection that
        had brought the Retry-After.
        """
        if key not in self._pauses:
            return False
        with self._lock:
            return any(
                pause.told + (0 if peer and peer == pause.peer else self._grace) < received_at < pause.until
                for pause in self._pauses[key]
            )

    def pause(self, key: str, peer: str, told: float, until: float) -> None:
        """Notes that a caller has been told at one moment not to come back before another."""
        with self._lock:
            known = [pause for pause in self._pauses[key] if pause.until > told - _FORGOTTEN_AFTER]
            if not any(pause.until >= until and pause.peer in ("", peer) for pause in known):
                known.append(_Pause(told, until, peer))
            self._pauses[key] = known

    def add(self, *entries: Entry) -> None:
        with self._lock:
            self._entries.extend(entries)

    def clear(self, tenant: str | None = None) -> None:
        """Forgets the requests, of one tenant or all. What callers were told to wait for is not forgotten."""
        with self._lock:
            kept = [entry for entry in self._entries if tenant is not None and entry.tenant != tenant]
            self._entries.clear()
            self._entries.extend(kept)

    def report(self, tenant: str | None = None) -> dict[str, Any]:
        """The requests that are kept and their counts by path and status, of one tenant or all.

        `total` are those over the wire, `inner` those inside batches.
        """
        with self._lock:
            entries = [entry for entry in self._entries if tenant is None or entry.tenant == tenant]
        counts = Counter((entry.path, entry.status) for entry in entries)
        inner = sum(entry.in_batch for entry in entries)
        return {
            "total": len(entries) - inner,
            "inner": inner,
            "early": sum(entry.early for entry in entries),
            "counts": [{"path": path, "status": status, "count": count} for (path, status), count in counts.items()],
            "requests": [entry.as_json() for entry in entries],
        }
