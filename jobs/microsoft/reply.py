"""An answer of Graph whose body is read: to a request of its own, or to one of a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson

from .errors import MicrosoftError
from .explain import graph_refused
from .transport import Answer, obey_pace


@dataclass(frozen=True)
class Reply:
    """`answer` has the status and the headers; `body` is its JSON, None where it is none."""

    answer: Answer
    body: Any

    @classmethod
    def of(cls, answer: Answer) -> Reply:
        try:
            return cls(answer, _parsed(answer.content))
        except (ValueError, RecursionError):
            return cls(answer, None)

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def has_failed_there(self) -> bool:
        """Whether Microsoft answered with an error of its own, which may pass. That something is not built does not."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.status != HTTPStatus.NOT_IMPLEMENTED

    @property
    def request_id(self) -> str:
        return self.answer.request_id

    @property
    def date(self) -> datetime | None:
        return self.answer.date

    def obey_pace(self) -> None:
        """Raise `Throttled` where it asks to wait."""
        obey_pace(self.answer)

    def refusal(self, permission: str = "") -> MicrosoftError:
        """Why it is no success; `permission` names what the request needs."""
        return graph_refused(self.status, self.body, self.request_id, permission, self.date)


def _parsed(content: bytes) -> Any:
    """Raises `ValueError` or `RecursionError` where it is no JSON."""
    try:
        return orjson.loads(content)  # in half the time; a directory is megabytes of it
    except orjson.JSONDecodeError:
        # This reads more, as a name that was cut within an emoji, for which a whole page would be refused.
        return json.loads(content)
