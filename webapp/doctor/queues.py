"""Redis, and who works: workers, the schedule, and how long work waits.

All but the first check raise `QueueUnavailable` where Redis does not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from jobs import queue

from ..text import at_the_end, first_of
from ..version import version
from .clock import compare_clocks, how_far, is_off, wrong_clock
from .finding import Finding, doubtful, ill, well

_START = (
    "Start one: `make run` starts workers, and `python -m jobs.worker` starts one alone. One that "
    "was started and waits for the database, or for its migration, says so in its log."
)
_LONG_WAIT_SECONDS = 300
# The first thing that is said to Redis: 6 is the first that knows it.
_GREETING = "HELLO"


def check_redis() -> Iterator[Finding]:
    try:
        told = queue.server_facts()
    except queue.QueueUnavailable as error:
        yield _away(error)
        return
    yield well("redis", f"Redis {told.version} answers." if told.version else "Redis answers.")
    if told.may_evict:
        fix = "Set maxmemory-policy to noeviction: jobs that vanish are found again, but only after a while."
        yield doubtful("redis", "Redis may throw away jobs when its memory is full.", fix)
    yield compare_clocks("clock of Redis", "that of Redis", datetime.fromtimestamp(told.time, UTC))


def _away(error: queue.QueueUnavailable) -> Finding:
    if error.is_refusal and f"unknown command `{_GREETING}`" in error.reason:
        fix = "Install a newer one, or a Valkey: nothing in it needs to be kept."
        return ill("redis", "Redis is older than 6, the first that Seatledger can talk to.", fix)
    if error.is_refusal and "MISCONF" in error.reason:
        fix = 'Make room on its disk; or let it not save what it holds, of which nothing is needed: save "".'
        return ill("redis", "Redis refuses what is written to it, since it cannot save on its disk.", fix)
    if error.is_refusal:
        fix = (
            "Give it more memory (maxmemory), or name in REDIS_URL one that may be written to (no replica, no "
            "cluster), and a user with the rights that docs/deploy.md lists."
        )
        return ill("redis", f"Redis refuses what is written to it: {at_the_end(error.reason)}", fix)
    fix = (
        "Start Seatledger with `make run`, or check that the Redis that REDIS_URL names is running, and REDIS_URL: the "
        "address, the user and its password, and rediss:// with the authority in ssl_ca_certs where it speaks TLS."
    )
    return ill("redis", f"Redis does not answer: {at_the_end(error.reason)}", fix)


def check_workers() -> Iterator[Finding]:
    for name, workers in queue.workers_by_queue().items():
        able = workers.alive - workers.cut_off
        if not workers.alive:
            yield ill("workers", f"No worker takes jobs of the queue {name}.", _START)
        elif workers.are_all_cut_off:
            fix = "What they are cut off from is said below: see to that, or start workers on another machine."
            yield ill("workers", f"All workers that take jobs of the queue {name} are cut off.", fix)
        else:
            text = "worker takes" if able == 1 else "workers take"
            yield well("workers", f"{able} {text} jobs of the queue {name}.")


def check_hindered() -> Iterator[Finding]:
    """Nothing where no worker is cut off from the database, or from a host of Microsoft's that answers others."""
    cut_off_from: dict[str, list[str]] = {}
    for name, lacks in queue.workers_hindered().items():
        for what in lacks:
            cut_off_from.setdefault(what, []).append(name)
    if names := cut_off_from.pop(queue.DATABASE, []):
        yield doubtful(
            "workers without a database",
            f"The database does not answer these workers, and they do nothing until it does: {first_of(names)}.",
            "Check DATABASE_URL on their machines, and the way from there to the database: network, name resolution "
            "and firewall.",
        )
    for host, names in sorted(cut_off_from.items()):
        yield doubtful(
            "workers without Microsoft",
            f"{host} answers others, and these workers get no connection to it, and leave work to the others: "
            f"{first_of(names)}.",
            f"Check the network, name resolution, proxy and firewall of each one's machine: it must reach https://{host}.",
        )


def check_strangers() -> Iterator[Finding]:
    """Nothing where all workers and schedules that report to this Redis are this installation's."""
    if found := queue.strangers():
        yield ill(
            "workers of another installation",
            "Not all that report to this Redis have the ENCRYPTION_KEYS that are set here, so they do nothing of what "
            f"this installation enqueues: {first_of(found)}.",
            queue.SHARED_REDIS,
        )


def check_signing() -> Iterator[Finding]:
    """Nothing where all workers and schedules have the `SECRET_KEY` that is set here."""
    if found := queue.signing_otherwise():
        yield doubtful(
            "secret key",
            f"Not all that report to this Redis have the SECRET_KEY that is set here: {first_of(found)}.",
            "Give all machines the same one: where two web processes have different ones, people are signed out at "
            "every other click.",
        )


def check_versions() -> Iterator[Finding]:
    versions = Counter(queue.workers_versions().values())
    others = {of: count for of, count in versions.items() if of != version()}
    for of, count in sorted(others.items()):
        text = f"{count} of {versions.total()} workers {'is' if count == 1 else 'are'} of version {of or 'unknown'}"
        fix = "Install the same version everywhere and restart what runs: workers of one that is too old do nothing."
        yield doubtful("version of the workers", f"{text}, and this is {version()}.", fix)
    if versions and not others:
        yield well("version of the workers", f"All workers are of version {version()}, as this is.")


def check_schedule() -> Iterator[Finding]:
    if queue.schedules_alive():
        yield well("schedule", "The schedule runs, so integrations sync by themselves, and lost work is found.")
    else:
        fix = "Start it: `make run` starts it, and `python -m jobs.schedule` starts it alone."
        yield ill("schedule", "No schedule runs: nothing syncs by itself, and lost work is not found.", fix)


def check_clocks() -> Iterator[Finding]:
    """Those of workers and schedule, by what they report. Nothing where all agree with that of Redis."""
    told = {f"the worker {name}": seconds for name, seconds in queue.workers_clocks().items()}
    told |= {f"the schedule {name}": seconds for name, seconds in queue.schedules_clocks().items()}
    offs = {who: timedelta(seconds=seconds) for who, seconds in told.items()}
    wrong = sorted(((who, off) for who, off in offs.items() if is_off(off)), key=lambda found: -abs(found[1]))
    if wrong:
        texts = [f"that of {who} is {how_far(off, 'it')}" for who, off in wrong]
        text = f"Not all clocks agree with that of Redis: {first_of(texts)}."
        yield wrong_clock("clocks of workers and schedule", text, wrong[0][1])


def check_work() -> Iterator[Finding]:
    for name, (count, seconds) in queue.waiting().items():
        text = f"{count:,} {'job waits' if count == 1 else 'jobs wait'} in the queue {name}"
        text += f", the oldest for {seconds:,.0f} s." if count else "."
        if seconds > _LONG_WAIT_SECONDS:
            yield doubtful("queues", text, "Start more workers, here with SYNC_WORKERS, or on another machine.")
        else:
            yield well("queues", text)
