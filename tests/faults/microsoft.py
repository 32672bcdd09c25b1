"""What goes wrong in Microsoft's tenants."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox import Fault

# Longer than a worker to whom time passes fast waits for an answer.
_LONGER_THAN_PATIENCE = 5.0
# Larger than any answer that is read.
_TOO_MANY_MEGABYTES = 40

_SOMEWHERE = ("token", "subscribedSkus", "organization", "users", "usersDelta", "batch", "graph")
_LISTS = ("subscribedSkus", "users", "usersDelta", "usersList")


def _timed_out(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(_SOMEWHERE), "slow", times=1, seconds=_LONGER_THAN_PATIENCE)


def _slow(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(_SOMEWHERE), "slow", times=3, seconds=dice.uniform(0.1, 1.5))


def _broken(dice: Random, host: str) -> Fault:
    kind = dice.choice(("server_error", "unavailable", "gateway_timeout", "drop"))
    return Fault(dice.choice(_SOMEWHERE), kind, times=dice.randint(1, 3), after=dice.choice((0, 0, 1)))


def _cut(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(_SOMEWHERE), "hang_body", times=1, seconds=_LONGER_THAN_PATIENCE)


def _throttled(dice: Random, host: str) -> Fault:
    kind = dice.choice(("throttle", "throttle", "unavailable"))
    seconds, as_date = dice.choice((None, 1, 2, 4)), dice.random() < 0.5
    return Fault(
        dice.choice(_SOMEWHERE),
        kind,
        times=dice.randint(1, 2),
        retry_after=seconds,
        as_date=as_date and seconds is not None,
    )


def _app_throttled(dice: Random, host: str) -> Fault:
    """It concerns all tenants, since one app reads them all."""
    seconds = dice.randint(1, 3)
    return Fault(dice.choice(("subscribedSkus", "batch")), "throttle_app", times=1, retry_after=seconds)


def _batch_odd(dice: Random, host: str) -> Fault:
    kind = dice.choice(("missing_answer", "base64_bodies", "not_supported", "bad_request", "not_found"))
    return Fault("batch", kind, times=dice.choice((1, None)))


def _tracking_lost(dice: Random, host: str) -> Fault:
    kind = dice.choice(("delta_gone", "delta_resync", "delta_expired", "not_supported"))
    return Fault("usersDelta", kind, times=dice.choice((1, None)))


def _repeated(dice: Random, host: str) -> Fault:
    return Fault("users", "repeat_item")


def _garbage(dice: Random, host: str) -> Fault:
    kind = dice.choice(("not_json", "bad_json", "wrong_shape", "wrong_item"))
    return Fault(dice.choice(_SOMEWHERE), kind, times=dice.choice((1, None)))


def _huge(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(_LISTS), "huge", times=1, megabytes=_TOO_MANY_MEGABYTES)


def _endless(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(_LISTS), "endless_pages")


def _elsewhere(dice: Random, host: str) -> Fault:
    kind = dice.choice(("foreign_next_link", "redirect"))
    return Fault(dice.choice(_LISTS), kind, host=host)


def _forbidden(dice: Random, host: str) -> Fault:
    return Fault(dice.choice(("users", "users", "subscribedSkus", "organization")), "forbidden")


def _token_ended(dice: Random, host: str) -> Fault:
    return Fault("graph", "unauthorized", times=1, after=dice.choice((0, 1, 2)))


# The more often one stands here, the more often it happens.
_FAULTS: tuple[Callable[[Random, str], Fault], ...] = (
    _timed_out,
    *(_slow,) * 6,
    *(_broken,) * 3,
    _cut,
    *(_throttled,) * 4,
    _app_throttled,
    *(_batch_odd,) * 2,
    *(_tracking_lost,) * 3,
    _repeated,
    *(_garbage,) * 2,
    _huge,
    _endless,
    *(_elsewhere,) * 2,
    *(_forbidden,) * 2,
    _token_ended,
)


def some_faults(dice: Random, host: str) -> tuple[Fault, ...]:
    """What goes wrong in one tenant: mostly nothing. `host` is where answers point that point elsewhere."""
    if dice.random() < 0.5:
        return ()
    return tuple(happen(dice, host) for happen in dice.sample(_FAULTS, dice.choice((1, 1, 2))))
