"""An answer of Graph whose body is read: to a request of its own, or to one of a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson
from requests.structures import CaseInsensitiveDict

from .errors import MicrosoftError
from .explain import graph_refused
from .transport import Answer, obey_pace

# What stands for it in an answer that repeats it.
_THE_TOKEN = "(the token)"  # noqa: S105


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

    @classmethod
    def to(cls, token: str, answer: Answer) -> Reply:
        """The reply to a request with this token; another word stands where the answer repeats it.

        What a refusal says is shown to people, and what else is read is kept.
        """
        reply = cls.of(answer)
        try:
            content = _as_spelled(reply)
        except RecursionError:
            return cls(answer, None)
        if token.encode() not in content and not any(token in value for value in answer.headers.values()):
            return reply
        headers = {name: value.replace(token, _THE_TOKEN) for name, value in answer.headers.items()}
        content = content.replace(token.encode(), _THE_TOKEN.encode())
        return cls.of(replace(answer, headers=CaseInsensitiveDict(headers), content=content))

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def has_failed_there(self) -> bool:
        """Whether Microsoft answered with an error of its own, which may pass. That something is not built does not."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.status != HTTPStatus.NOT_IMPLEMENTED

    @property
    def has_error(self) -> bool:
        """Whether it carries an error, whatever its status."""
        return isinstance(self.body, dict) and self.body.get("error") is not None

    @property
    def request_id(self) -> str:
        return self.answer.request_id

    @property
    def date(self) -> datetime | None:
        return self.answer.date

    def obey_pace(self) -> None:
        """Raise `Throttled` where it asks to wait."""
        obey_pace(self.answer)

    def refusal(self, permission: str = "", *, acts_for_user: bool = False) -> MicrosoftError:
        """Why it is no success; `permission` names what the request needs, which was sent for a user or for the app."""
        return graph_refused(
            self.status, self.body, self.request_id, permission, self.date, acts_for_user=acts_for_user
        )


def _as_spelled(reply: Reply) -> bytes:
    """What the reply says, in UTF-8 and without escapes in which a text may hide. Raises `RecursionError`."""
    content = reply.answer.content
    # Mostly it is so as it came. In another encoding there are zeros.
    if reply.body is None or not (b"\\" in content or b"\0" in content):
        return content
    try:
        return orjson.dumps(reply.body)  # in a twentieth of the time: a name with an accent may come as an escape
    except TypeError:
        # What is nested deeply, or half of a surrogate pair.
        return json.dumps(reply.body, ensure_ascii=False).encode(errors="replace")


def _parsed(content: bytes) -> Any:
    """Raises `ValueError` or `RecursionError` where it is no JSON."""
    try:
        return orjson.loads(content)  # in half the time; a directory is megabytes of it
    except orjson.JSONDecodeError:
        # This reads more, as a name that was cut within an emoji, for which a whole page would be refused.
        return json.loads(content)
