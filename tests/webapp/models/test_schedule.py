"""The rule of when an integration syncs by itself: a clock goes in, moments come out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from webapp.models.schedule import EVERY_HOURS, Step, next_slot, offset, step

NOON = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def simulate(every: int, since: datetime, until: datetime, tick: timedelta, integration_id: int = 7) -> list[datetime]:
    """When it starts, where somebody looks every so often."""
    next_sync_at, now, started = next_slot(integration_id, every, since), since, []
    while now <= until:
        done = step(integration_id, every, next_sync_at, now)
        if done is not None:
            next_sync_at = done.next_sync_at
            if done.starts:
                started.append(now)
        now += tick
    return started


@pytest.mark.parametrize("every", EVERY_HOURS)
@pytest.mark.parametrize(("count", "busiest"), [(10, 1), (60, 2), (600, 12), (5000, 90)])
def test_the_integrations_are_spread_over_the_hour(every: int, count: int, busiest: int) -> None:
    slots = [next_slot(integration_id, every, NOON) for integration_id in range(1, count + 1)]
    minutes = Counter(slot.minute for slot in slots)
    assert max(minutes.values()) <= busiest
    assert len(minutes) >= min(count, 40)


@pytest.mark.parametrize("every", [hours for hours in EVERY_HOURS if hours > 1])
def test_the_integrations_are_spread_over_the_hours_of_a_longer_interval(every: int) -> None:
    hours = Counter(offset(integration_id, every) // timedelta(hours=1) for integration_id in range(1, 241))
    assert set(hours) == set(range(every))
    assert max(hours.values()) <= 240 / every * 1.3


@pytest.mark.parametrize("every", EVERY_HOURS)
@pytest.mark.parametrize("integration_id", [1, 2, 60, 2**31 - 1])
def test_slots_lie_one_interval_apart_at_the_same_times_each_day(every: int, integration_id: int) -> None:
    first = next_slot(integration_id, every, NOON)
    assert NOON < first <= NOON + timedelta(hours=every)
    assert next_slot(integration_id, every, first) == first + timedelta(hours=every)
    assert next_slot(integration_id, every, first - timedelta(microseconds=1)) == first
    assert next_slot(integration_id, every, NOON + timedelta(days=400)) == first + timedelta(days=400)


def test_the_minute_stays_when_the_interval_changes() -> None:
    for integration_id in range(1, 100):
        slots = {every: next_slot(integration_id, every, NOON) for every in EVERY_HOURS}
        assert len({(slot.minute, slot.second) for slot in slots.values()}) == 1
        assert all(slot <= NOON + timedelta(hours=every) for every, slot in slots.items())


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(datetime(2026, 3, 29, tzinfo=BERLIN), id="a day of 23 hours"),
        pytest.param(datetime(2026, 10, 25, tzinfo=BERLIN), id="a day of 25 hours"),
    ],
)
@pytest.mark.parametrize("every", [1, 4])
def test_daylight_saving_changes_nothing(every: int, day: datetime) -> None:
    begin = day.astimezone(UTC)
    starts = simulate(every, begin, begin + timedelta(hours=30), timedelta(minutes=1))
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(hours=every)}
    local = next_slot(7, every, (begin + timedelta(hours=2)).astimezone(BERLIN))
    assert local == next_slot(7, every, begin + timedelta(hours=2))
    assert local.utcoffset() == timedelta(0)


@pytest.mark.parametrize("every", EVERY_HOURS)
@pytest.mark.parametrize("seconds", [1, 15, 30])
def test_each_slot_starts_once_however_often_somebody_looks(every: int, seconds: int) -> None:
    starts = simulate(every, NOON, NOON + timedelta(hours=2 * every), timedelta(seconds=seconds))
    assert len(starts) == 2
    for start in starts:
        assert timedelta() <= start - next_slot(7, every, start - timedelta(seconds=seconds)) < timedelta(seconds=30)


SLOT = next_slot(7, 1, NOON)


@pytest.mark.parametrize(
    ("next_sync_at", "now", "expected"),
    [
        pytest.param(None, NOON, Step(False, SLOT), id="never planned"),
        pytest.param(SLOT, SLOT - timedelta(microseconds=1), None, id="not yet"),
        pytest.param(SLOT, SLOT, Step(True, SLOT + timedelta(hours=1)), id="now"),
        pytest.param(SLOT, SLOT + timedelta(seconds=40), Step(True, SLOT + timedelta(hours=1)), id="a little late"),
        pytest.param(
            SLOT, SLOT + timedelta(hours=24, minutes=10), Step(True, SLOT + timedelta(hours=25)), id="slept for a day"
        ),
        pytest.param(
            SLOT,
            SLOT + timedelta(hours=8, minutes=50),
            Step(True, SLOT + timedelta(hours=10)),
            id="slept until just before a slot, which is left out",
        ),
        pytest.param(SLOT, SLOT + timedelta(days=3650), Step(True, SLOT + timedelta(days=3650, hours=1)), id="forward"),
        pytest.param(SLOT + timedelta(hours=1), SLOT - timedelta(minutes=5), None, id="back by minutes"),
        pytest.param(
            SLOT + timedelta(hours=1),
            SLOT - timedelta(minutes=50),
            Step(False, SLOT + timedelta(minutes=10)),
            id="back by most of an hour",
        ),
        pytest.param(
            SLOT + timedelta(hours=1),
            SLOT - timedelta(days=365),
            Step(False, SLOT - timedelta(days=365) + timedelta(hours=1)),
            id="back by a year",
        ),
    ],
)
def test_what_is_done_about_an_integration(next_sync_at: datetime | None, now: datetime, expected: Step | None) -> None:
    assert step(7, 1, next_sync_at, now) == expected


@pytest.mark.parametrize("every", EVERY_HOURS)
@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(minutes=7), timedelta(hours=1), timedelta(days=40)])
def test_a_clock_set_back_neither_doubles_a_sync_nor_stops_it(every: int, back: timedelta) -> None:
    interval = timedelta(hours=every)
    started_at = next_slot(7, every, NOON)
    done = step(7, every, started_at, started_at)
    assert done is not None
    next_sync_at, now, waited = done.next_sync_at, started_at - back, timedelta()
    gaps: list[timedelta] = []
    while len(gaps) < 4:
        done = step(7, every, next_sync_at, now)
        if done is not None:
            next_sync_at = done.next_sync_at
            if done.starts:
                gaps.append(waited)
                waited = timedelta()
        now, waited = now + timedelta(seconds=30), waited + timedelta(seconds=30)
    assert min(gaps) > interval / 4
    assert max(gaps) <= interval * 1.5
    assert gaps[-1] == interval
