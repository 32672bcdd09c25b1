"""What was learned by signing in, kept in Redis for all workers: encrypted, under names that tell nothing.

What cannot be read (Redis is away or was emptied, the keys were rotated, it is something else) counts as not there: the
sign-in is then made as if nobody had made it before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from config import Settings
from webapp.extensions import UnreadableSecret, vault

from . import shared

_PREFIX = "seatledger:sign-in:"
# Nothing that is kept is nearly as long; an access token has a few thousand characters.
_LONGEST = 100_000


@dataclass(frozen=True)
class Kept:
    """What is kept under a name, for how many seconds more, and as what it is stored."""

    content: Mapping[str, Any] = field(repr=False)
    seconds: float
    sealed: bytes = field(repr=False)


class TokenCache:
    """The things kept for all workers that have the same settings."""

    def __init__(self, settings: Settings) -> None:
        self._redis_url = settings.redis_url
        self._key = settings.secret_key.encode()

    def name(self, *parts: str) -> str:
        """The name of what these parts tell apart; they may be secret."""
        return _PREFIX + hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()

    def read(self, name: str) -> Kept | None:
        """What is kept under the name, in one round trip; None where that is nothing that can be used."""

        def stored(redis: Redis) -> list[Any]:
            with redis.pipeline(transaction=False) as pipeline:
                pipeline.get(name)
                pipeline.pttl(name)
                return pipeline.execute()

        sealed, milliseconds = shared.ask(self._redis_url, stored) or (None, 0)
        # Whatever was kept has an end.
        if not isinstance(sealed, bytes) or len(sealed) > 2 * _LONGEST or milliseconds <= 0:
            return None
        try:
            content = json.loads(vault.decrypt(sealed.decode()))
        except (UnreadableSecret, ValueError, RecursionError):
            return None
        return Kept(content, milliseconds / 1000, sealed) if isinstance(content, dict) else None

    def keep(self, name: str, content: Mapping[str, Any], seconds: float) -> bytes | None:
        """Keep it for so many seconds, instead of what was kept before. Returns as what it is stored, if it is."""
        milliseconds = math.floor(seconds * 1000)
        text = json.dumps(content)
        if milliseconds <= 0 or len(text) > _LONGEST:
            return None
        sealed = vault.encrypt(text).encode()
        is_kept = shared.ask(self._redis_url, lambda redis: redis.set(name, sealed, px=milliseconds))
        return sealed if is_kept else None

    def forget_if(self, name: str, sealed: bytes) -> None:
        """Forget what is kept under the name where it still is what was stored as this."""

        def drop(pipeline: Any) -> None:
            is_still_that = pipeline.get(name) == sealed
            pipeline.multi()
            if is_still_that:
                pipeline.delete(name)

        shared.ask(self._redis_url, lambda redis: redis.transaction(drop, name))
