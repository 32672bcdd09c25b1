"""How fast Microsoft is asked: what one worker was told, all obey, and all count together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs.microsoft import pace as pace_module
from jobs.microsoft import shared
from jobs.microsoft.errors import HeldBack, Throttled
from jobs.microsoft.pace import SPREAD_SECONDS, UNITS_A_REQUEST, Pace, StoredWait
from jobs.microsoft.retry_after import LONGEST_SECONDS
from tests.support.services import redis_server
from webapp.models import Problem

# A pace of an app that no other test knows, in the tenant of this name, as another process has it.
InProcess = Callable[..., Pace]

PROBLEM = Problem("Microsoft asked to slow down.", "Wait.")
TENANT_REQUESTS = pace_module._TENANT_WINDOW // UNITS_A_REQUEST


def of_app(seconds: float) -> Throttled:
    return Throttled(PROBLEM, seconds, is_of_app=True)


@pytest.fixture
def another_process(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    app = str(uuid.uuid4())

    def pace(tenant: str = "contoso", app: str = app, url: str = redis_url, **more: Any) -> Pace:
        monkeypatch.setattr(pace_module, "_heard", pace_module._Heard())
        return Pace(url, app, tenant, **more)

    return pace


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """The address of a Redis that is away."""
    return f"unix://{tmp_path}/nowhere.sock"


@pytest.fixture
def long_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's requests are all in one second, however slow the machine is."""
    monkeypatch.setattr(pace_module, "_WINDOW_SECONDS", 60)


def held_back(pace: Pace, requests: int = 1) -> HeldBack:
    with pytest.raises(HeldBack) as caught:
        pace.before(requests)
    assert "Seatledger holds back" in caught.value.problem.reason
    assert caught.value.problem.fix
    return caught.value


def test_who_was_told_nothing_may_ask(another_process: InProcess) -> None:
    another_process().before(20)


def test_a_wait_of_a_tenant_is_obeyed_by_every_process_and_holds_up_no_other_tenant(
    another_process: InProcess,
) -> None:
    another_process().told(Throttled(PROBLEM, 60))
    for pace in (another_process(), another_process("CONTOSO")):
        error = held_back(pace)
        assert not error.is_of_app
        assert error.seconds is not None
        assert 30 < error.seconds < 60.1
    another_process("fabrikam").before()
    another_process(app=str(uuid.uuid4())).before()


def test_a_wait_of_the_app_is_obeyed_in_every_tenant(another_process: InProcess) -> None:
    another_process().told(of_app(60))
    for tenant in ("contoso", "fabrikam"):
        assert held_back(another_process(tenant)).is_of_app
    another_process(app=str(uuid.uuid4())).before()


def test_after_a_wait_of_the_app_its_tenants_come_back_a_little_later_and_not_all_at_once(
    another_process: InProcess,
) -> None:
    another_process().told(of_app(60))
    pace = another_process()
    began = time.monotonic()
    waits = [held_back(pace).seconds or 0 for _ in range(100)]
    took = time.monotonic() - began
    assert min(waits) > 60 - took - 1
    assert max(waits) < 60.1 + SPREAD_SECONDS
    assert max(waits) - min(waits) > SPREAD_SECONDS / 2


def test_where_redis_s_clock_was_set_back_counts_and_waits_last_no_longer_than_they_should(
    another_process: InProcess, redis_url: str
) -> None:
    pace = another_process()
    pace.before()
    redis, counts = Redis.from_url(redis_url), [f"seatledger:pace:{name}" for name in (pace._app, pace._tenant)]
    for key in counts:
        redis.set(key, 10**6, ex=3 * 3600)
    another_process().before()
    assert [0 < redis.pttl(key) <= 1000 * pace_module._WINDOW_SECONDS for key in counts] == [True, True]
    pace.told(Throttled(PROBLEM, 60))
    wait = f"seatledger:pace:wait:{pace._tenant}"
    redis.expire(wait, 3 * 3600)
    assert (held_back(another_process()).seconds or 0) < 60.1
    assert 0 < redis.pttl(wait) <= 60_100


def test_the_longer_of_two_waits_counts(another_process: InProcess) -> None:
    another_process().told(Throttled(PROBLEM, 60))
    another_process().told(Throttled(PROBLEM, 5))
    assert (held_back(another_process()).seconds or 0) > 30
    pace = another_process()
    pace.told(of_app(5))
    pace.told(Throttled(PROBLEM, 90))
    assert (held_back(pace).seconds or 0) > 80
    assert (held_back(another_process()).seconds or 0) > 80


@pytest.mark.parametrize("error", [Throttled(PROBLEM, None), HeldBack(PROBLEM, 60)])
def test_what_says_no_new_wait_holds_nobody_back(another_process: InProcess, error: Throttled) -> None:
    pace = another_process()
    pace.told(error)
    pace.before()
    another_process().before()


def test_a_wait_that_is_over_is_over(another_process: InProcess) -> None:
    pace = another_process()
    pace.told(Throttled(PROBLEM, 2))
    error = held_back(pace)
    time.sleep((error.seconds or 0) + 0.01)
    pace.before()
    another_process().before()


def test_no_wait_is_longer_than_a_week(another_process: InProcess) -> None:
    another_process().told(Throttled(PROBLEM, 1e12))
    error = held_back(another_process())
    assert error.seconds is not None
    assert LONGEST_SECONDS - 60 < error.seconds <= LONGEST_SECONDS


@pytest.mark.usefixtures("long_windows")
def test_a_tenant_is_asked_no_faster_than_the_smallest_ones_allow(another_process: InProcess) -> None:
    another_process().before(TENANT_REQUESTS - 20)
    another_process().before(20)
    error = held_back(another_process())
    assert not error.is_of_app
    assert error.seconds == pytest.approx(60, abs=0.1)
    another_process("fabrikam").before()


@pytest.mark.usefixtures("long_windows")
def test_all_tenants_together_are_asked_no_faster_than_the_app_may(
    another_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_module, "_APP_WINDOW", 20 * UNITS_A_REQUEST)
    for tenant in ("contoso", "fabrikam"):
        another_process(tenant).before(10)
    error = held_back(another_process("adatum"))
    assert error.is_of_app
    assert error.seconds is not None
    assert 60 <= error.seconds <= 61 + SPREAD_SECONDS


@pytest.mark.usefixtures("long_windows")
def test_of_many_threads_no_more_get_through_than_there_is_room_for(another_process: InProcess) -> None:
    pace = another_process()

    def ask(_: int) -> bool:
        try:
            pace.before(10)
        except HeldBack:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(40))) == TENANT_REQUESTS // 10


def test_a_window_that_was_full_passes(another_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "_WINDOW_SECONDS", 3)  # so long, a busy machine may take for what is asked in it
    pace = another_process()
    pace.before(TENANT_REQUESTS)
    error = held_back(pace)
    time.sleep(error.seconds or 0)
    pace.before(TENANT_REQUESTS)


@pytest.mark.parametrize(
    ("limit", "seconds", "window"),
    [
        (pace_module.APP_REQUESTS, pace_module.APP_REQUESTS_SECONDS, pace_module._APP_WINDOW),
        (pace_module.APP_UNITS, pace_module.APP_UNITS_SECONDS, pace_module._APP_WINDOW),
        (pace_module.TENANT_UNITS, pace_module.TENANT_UNITS_SECONDS, pace_module._TENANT_WINDOW),
    ],
)
def test_full_seconds_one_after_another_stay_within_what_is_documented(limit: int, seconds: int, window: int) -> None:
    assert window * (seconds + 1) <= limit
    # A batch of twenty must fit.
    assert window >= 20 * UNITS_A_REQUEST


@pytest.mark.usefixtures("long_windows")
def test_while_redis_is_away_a_process_obeys_what_it_heard_and_counts_by_itself(
    another_process: InProcess, nowhere: str
) -> None:
    pace = another_process(url=nowhere)
    pace.before(TENANT_REQUESTS)
    assert held_back(pace).seconds == pytest.approx(60, abs=0.1)
    pace.told(of_app(90))
    assert (held_back(Pace(nowhere, pace._app, "fabrikam")).seconds or 0) > 80


def test_what_a_process_heard_it_obeys_also_after_redis_was_emptied(another_process: InProcess) -> None:
    with redis_server() as url:
        pace = another_process(url=url)
        pace.told(Throttled(PROBLEM, 60))
        Redis.from_url(url).flushall()
        held_back(pace)


@dataclass
class Shelf:
    """Where waits are stored that outlast Redis."""

    waits: list[StoredWait] = field(default_factory=list)
    looks: int = 0

    def look(self) -> list[StoredWait]:
        self.looks += 1
        return self.waits


@pytest.mark.parametrize("tenant", ["", "Contoso"], ids=["of the app", "of the tenant"])
def test_after_redis_was_emptied_all_obey_what_is_stored_which_is_looked_up_once(
    another_process: InProcess, tenant: str
) -> None:
    shelf = Shelf()
    with redis_server() as url:
        pace = another_process(url=url, stored=shelf.look)
        for _ in range(3):
            pace.before()
        assert shelf.looks == 1
        Redis.from_url(url).flushall()
        shelf.waits = [StoredWait(pace._app.upper(), tenant, 60), StoredWait(str(uuid.uuid4()), "", 90)]
        for process in (pace, another_process(url=url, stored=shelf.look)):
            error = held_back(process)
            assert error.is_of_app == (not tenant)
            assert 30 < (error.seconds or 0) < 60.1 + SPREAD_SECONDS
        if tenant:
            another_process("fabrikam", url=url).before()
        assert shelf.looks == 2


def test_what_is_stored_is_looked_up_again_after_a_while_since_a_redis_may_come_back_with_what_it_had_before(
    another_process: InProcess,
) -> None:
    shelf = Shelf()
    with redis_server() as url:
        pace, redis = another_process(url=url, stored=shelf.look), Redis.from_url(url)
        pace.before()
        assert 0 < redis.ttl(pace_module._COMPLETE) <= 60
        redis.delete(pace_module._COMPLETE)
        pace.before()
    assert shelf.looks == 2


@pytest.mark.parametrize(
    ("heard", "stored"), [(90, [5]), (5, [60, 90, 30])], ids=["heard since it was emptied", "stored, while it had less"]
)
def test_the_longest_of_what_redis_has_and_what_is_stored_counts_for_all(
    heard: float, stored: list[float], another_process: InProcess
) -> None:
    with redis_server() as url:
        teller = another_process(url=url)
        teller.told(Throttled(PROBLEM, heard))
        waits = [StoredWait(teller._app, "contoso", seconds) for seconds in stored]
        for more in ({"stored": lambda: waits}, {}):
            assert (held_back(another_process(url=url, **more)).seconds or 0) > 80


def test_while_redis_is_away_what_is_stored_is_obeyed_as_soon_as_it_is_stored(
    another_process: InProcess, nowhere: str
) -> None:
    shelf = Shelf()
    pace = another_process(url=nowhere, stored=shelf.look)
    pace.before()
    shelf.waits = [StoredWait(pace._app, "contoso", 60)]
    assert 30 < (held_back(pace).seconds or 0) <= 60
    shelf.waits = []
    pace.before()


@pytest.mark.usefixtures("long_windows")
def test_what_somebody_else_put_into_redis_holds_nobody_back_for_ever(
    another_process: InProcess, redis_url: str
) -> None:
    redis, pace = Redis.from_url(redis_url), another_process()
    pace.told(of_app(60))
    pace.told(Throttled(PROBLEM, 60))
    for key in redis.scan_iter(f"seatledger:pace*{pace._app}*"):
        redis.delete(key)
        redis.lpush(key, "garbage")
    another_process().before()
    another_process().told(Throttled(PROBLEM, 60))
    held_back(another_process())


def test_a_request_costs_two_round_trips_at_the_most(
    another_process: InProcess, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = another_process()
    pace.before()
    sent: list[object] = []
    connection: Any = type(shared.client(redis_url).connection_pool.make_connection())
    send = connection.send_packed_command

    def note(self: object, command: object, **options: Any) -> None:
        sent.append(command)
        send(self, command, **options)

    monkeypatch.setattr(connection, "send_packed_command", note)
    pace.before()
    assert 1 <= len(sent) <= 2
