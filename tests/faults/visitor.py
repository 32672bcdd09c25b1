"""Somebody who is signed in and looks at pages all the time, also while databases are away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

PAGES = ("/healthz", "/account/integrations", "/readyz", "/global/office-365-licenses")
# A page that waits for a database which does not answer waits so long for a connection, and says so then.
_PATIENCE_SECONDS = 40
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Seen:
    """What a visit gave; `status` is 0 where nobody answered."""

    page: str
    status: int
    text: str

    @property
    def is_well(self) -> bool:
        return self.status == 200

    @property
    def is_clear(self) -> bool:
        """Whether it is the page, or one that says what is wrong and what to do."""
        explained = self.page == "/readyz" or "Try again" in self.text
        return "Traceback" not in self.text and (self.is_well or (self.status == 503 and explained))


class Visitor:
    """Looks at one page after another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.cookie = ""

    def look(self, page: str) -> Seen:
        cookies = {"seatledger": self.cookie}
        try:
            answer = requests.get(
                f"{self._url}{page}", cookies=cookies, timeout=_PATIENCE_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            return Seen(page, 0, str(error))
        return Seen(page, answer.status_code, answer.text)

    def is_well(self) -> bool:
        """Whether each page is shown as ever, and work can be done."""
        return all(self.look(page).is_well for page in PAGES)

    @contextmanager
    def watching(self) -> Iterator[list[Seen]]:
        """What was seen while the block ran."""
        seen: list[Seen] = []
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(seen, done), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join()

    def _watch(self, seen: list[Seen], done: threading.Event) -> None:
        while True:
            for page in PAGES:
                seen.append(self.look(page))
                if done.wait(_PAUSE_SECONDS):
                    return
