"""Failed attempts are counted, and after too many nobody is let in for a while, not even with the right password.

What is refused early is guessing one account from one place: so nobody can keep others out of their accounts by
guessing wrong from elsewhere. An account as a whole, and a place as a whole, have limits of their own, which are wider.
Who has many places to guess from uses up that of an account; it does not hold where its user signed in of late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic, time
from typing import NamedTuple, TypeVar

from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from ..extensions import limiter
from . import accounts

Answer = TypeVar("Answer")

_PER_ACCOUNT_AND_VISITOR = (parse("5 per 5 minutes"), parse("20 per hour"))
_PER_ACCOUNT = (parse("100 per hour"),)
_PER_VISITOR = (parse("30 per 5 minutes"),)
_SETUP_CODES = (parse("10 per 5 minutes"),)
# Twice as long as a session lasts.
_KNOWN_PLACE = parse("1 per 28 days")

# What rounding and a round trip take.
_GRACE_SECONDS = 5.0

# Each question to a Redis that hangs takes its time-out, and a sign-in asks several.
_SECONDS_WITHOUT_REDIS = 10.0


class Limit(NamedTuple):
    """So many failures for one key: an account, where a visitor comes from, or both."""

    amount: RateLimitItem
    key: str


def of_sign_in(address: str) -> list[Limit]:
    """The limits on guessing the password of this e-mail address, whether or not it has an account."""
    is_known_place = not _ask(lambda counter: counter.test(*_place(address)))
    per_account = () if is_known_place else _PER_ACCOUNT
    return _of_address(address, "account", "visitor", per_account)


def remember_place(address: str) -> None:
    """Keep that the user of this e-mail address signs in where this request comes from."""
    place = _place(address)
    _ask(lambda counter: counter.clear(*place))
    _count(place)


def of_reset(address: str) -> list[Limit]:
    """The limits on asking for a mail to this e-mail address, which are those of guessing its password."""
    return _of_address(address, "reset", "reset-visitor", _PER_ACCOUNT)


def of_setup() -> list[Limit]:
    """The limits on guessing the code of the first visit."""
    return _limits(_SETUP_CODES, f"setup-{_visitor()}")


def check(limits: Sequence[Limit]) -> None:
    """Raise `TooManyRequests` where a limit is used up.

    Ask before an attempt, and again after one that succeeded: of many guesses sent at once, a right one must not get
    through after too many wrong ones.
    """
    _refuse_beyond([limit for limit in limits if not _has_room(limit)])


def count(limits: Sequence[Limit]) -> None:
    """Count an attempt; raise `TooManyRequests` where others used the limit up meanwhile."""
    _refuse_beyond([limit for limit in limits if not _count(limit)])


def _of_address(address: str, of_account: str, of_visitor: str, per_account: Sequence[RateLimitItem]) -> list[Limit]:
    account, visitor = _account(address), _visitor()
    return [
        *_limits(_PER_ACCOUNT_AND_VISITOR, f"{of_account}-{account}-visitor-{visitor}"),
        *_limits(per_account, f"{of_account}-{account}"),
        *_limits(_PER_VISITOR, f"{of_visitor}-{visitor}"),
    ]


def _place(address: str) -> Limit:
    """Used up where the user of this e-mail address signed in of late."""
    return Limit(_KNOWN_PLACE, f"place-{_account(address)}-visitor-{_visitor()}")


def _account(address: str) -> str:
    return hashlib.sha256(_as_stored(address).encode()).hexdigest()


def _as_stored(address: str) -> str:
    """The address as its user is found by: spelled in other characters that mean the same, it is not another one."""
    try:
        return accounts.normal_address(address)
    except ValueError:
        return address.strip().lower()


def _limits(amounts: Sequence[RateLimitItem], key: str) -> list[Limit]:
    return [Limit(amount, key) for amount in amounts]


def _visitor() -> str:
    given = get_remote_address()
    try:
        address = ip_address(given)
    except ValueError:
        return given  # a proxy wrote something else there
    if not isinstance(address, IPv6Address):
        return given
    # As a server that listens for both writes an IPv4 address: all of these are in one /64.
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # One line has a whole /64 of IPv6 addresses to come from.
    return str(ip_network((int(address), 64), strict=False))


def _refuse_beyond(used_up: Sequence[Limit]) -> None:
    if used_up:
        ends = max(_end(limit) for limit in used_up)
        raise TooManyRequests(retry_after=max(1, ceil(ends - time())))


def _has_room(limit: Limit) -> bool:
    return _ask(lambda counter: counter.test(*limit)) or _is_left_over(limit)


def _is_left_over(limit: Limit) -> bool:
    """Whether this would last longer than it can: Redis's clock was set back since. It is over, and counts anew."""
    is_left = _end(limit) - time() > limit.amount.get_expiry() + _GRACE_SECONDS
    if is_left:
        _ask(lambda counter: counter.clear(*limit))
    return is_left


def _count(limit: Limit) -> bool:
    return _ask(lambda counter: counter.hit(*limit))


def _end(limit: Limit) -> float:
    return _ask(lambda counter: counter.get_window_stats(*limit).reset_time)


@dataclass
class _Redis:
    """When this process asks Redis again, by its monotonic clock. All its threads share it."""

    ask_again_at: float = 0.0


_redis = _Redis()


def _ask(question: Callable[[RateLimiter], Answer]) -> Answer:
    """Ask the counts in Redis; while it does not answer, those in this process' memory, so that people can sign in."""
    if monotonic() >= _redis.ask_again_at:
        try:
            return question(limiter.limiter)
        except RedisError:
            _redis.ask_again_at = monotonic() + _SECONDS_WITHOUT_REDIS
    return question(_counts_in_memory())


@lru_cache
def _counts_in_memory() -> RateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())
