"""All metrics, for the library that writes Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from redis.exceptions import RedisError

from jobs.queue import QueueUnavailable

from ..version import version
from . import gauges, store
from .catalogue import COUNTERS, HISTOGRAMS, PREFIX, Counter, Histogram
from .counting import Field, bucket_name, counts


class Everything(Collector):
    """What all processes counted, and how things stand."""

    def collect(self) -> Iterator[Metric]:
        yield _build()
        yield from gauges.of_database()
        try:
            about_redis = gauges.of_redis()
        except QueueUnavailable:
            yield gauges.redis_up(False)
            return  # asked two times more, that would be told later than Prometheus waits
        yield gauges.redis_up(True)
        yield from about_redis
        # This process's own counts first, so that they are among them.
        with suppress(RedisError):
            store.hand_over(counts)
        try:
            numbers = store.read()
        except QueueUnavailable:
            return  # nothing is better than figures that seem to have begun anew
        for counter in COUNTERS:
            yield _counter(counter, numbers)
        for histogram in HISTOGRAMS:
            yield _histogram(histogram, numbers)


def _counter(counter: Counter, numbers: Mapping[Field, float]) -> Metric:
    family = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
    size = 1 + len(counter.labels)
    counted = {
        field[1:]: number for field, number in numbers.items() if field[0] == counter.name and len(field) == size
    }
    for labels, number in sorted((_zeros(counter) | counted).items()):
        family.add_metric(labels, number)
    return family


def _histogram(histogram: Histogram, numbers: Mapping[Field, float]) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.help, labels=histogram.labels)
    size = 1 + len(histogram.labels)
    series = {field[1:size] for field in numbers if field[0] == histogram.name and len(field) == size + 1}
    for labels in sorted(series | _zeros(histogram).keys()):
        total, buckets = 0.0, []
        for bound in histogram.bounds:
            total += numbers.get((histogram.name, *labels, bucket_name(bound)), 0)
            buckets.append((str(floatToGoString(bound)), total))  # type: ignore[no-untyped-call]
        family.add_metric(labels, buckets, numbers.get((histogram.name, *labels, "sum"), 0))
    return family


def _zeros(metric: Counter | Histogram) -> dict[tuple[str, ...], float]:
    """The series that are told whatever was counted; of what has no labels, that is the only one."""
    return {(value,): 0.0 for value in metric.known} if metric.labels else {(): 0.0}


def _build() -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_build_info", "The version that answers; the value is 1.", labels=["version"])
    family.add_metric([version()], 1)
    return family
