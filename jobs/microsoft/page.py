"""What Graph is asked for, and what it answered with success."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .errors import BadAnswer, MicrosoftError, Throttled, Transient
from .reply import Reply


@dataclass(frozen=True)
class Leniency:
    """What that may pass is gone round, as if it were refused, rather than asked for again later.

    It is any fault where it `may_fail`, and a wait of `too_long` seconds or more that Microsoft asks for.
    """

    may_fail: bool = False
    too_long: float = math.inf

    def forgives(self, error: MicrosoftError) -> bool:
        """Whether this error keeps nobody from what else is asked for."""
        if isinstance(error, Throttled) and error.seconds is not None:
            return error.seconds >= self.too_long
        return self.may_fail and isinstance(error, Transient)


STRICT = Leniency()


@dataclass(frozen=True)
class Ask:
    """A path below the version, with its query; and the permission that reading it needs, to name where it lacks.

    What its `leniency` forgives keeps nobody from what else is asked for.
    """

    path: str
    permission: str
    leniency: Leniency = STRICT

    @property
    def name(self) -> str:
        return self.path.partition("?")[0]


@dataclass(frozen=True)
class Page:
    """What Graph answered with success: a JSON object. `reply` tells when, and by which request."""

    ask: Ask
    content: Mapping[str, Any]
    reply: Reply

    @classmethod
    def of(cls, ask: Ask, reply: Reply, *, acts_for_user: bool = False) -> Page:
        """The page that a reply is, to what was asked for a user or for the app itself. Raises why it is none."""
        # What was begun as a success may end in an error, and is not whole then.
        if reply.status != HTTPStatus.OK or reply.has_error:
            raise reply.refusal(ask.permission, acts_for_user=acts_for_user)
        if not isinstance(reply.body, dict):
            raise BadAnswer("it is not a JSON object", reply.request_id, reply.date)
        return cls(ask, reply.body, reply)

    @property
    def items(self) -> list[Any]:
        """The items of a collection. Raises `BadAnswer` where it is none."""
        items = self.content.get("value")
        if not isinstance(items, list):
            raise self.bad("has no list of values")
        return items

    @property
    def outline(self) -> tuple[Any, ...]:
        """What tells the page from the one before it, without all that is on it; empty where nothing is."""
        items = self.content.get("value")
        return (len(items), items[0], items[-1]) if isinstance(items, list) and items else ()

    def bad(self, what: str) -> BadAnswer:
        return BadAnswer(f"{self.ask.name} {what}", self.reply.request_id, self.reply.date)
