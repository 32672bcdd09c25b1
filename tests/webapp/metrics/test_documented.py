"""Whoever watches finds every metric explained."""

from __future__ import annotations

import re

from config import BASE_DIR
from webapp.metrics.catalogue import COUNTERS, HISTOGRAMS

from .conftest import Scrape

DOCUMENT = (BASE_DIR / "docs" / "monitoring.md").read_text()


def test_every_metric_is_documented_and_every_documented_metric_exists(scrape: Scrape) -> None:
    gauges = {name.partition("{")[0] for name in scrape()} - {f"{counter.name}_total" for counter in COUNTERS}
    counted = {f"{counter.name}_total" for counter in COUNTERS} | {histogram.name for histogram in HISTOGRAMS}
    told = {name for name in gauges if not name.startswith(tuple(histogram.name for histogram in HISTOGRAMS))} | counted
    assert set(re.findall(r"^\| `(seatledger_\w+)` \|", DOCUMENT, flags=re.MULTILINE)) == told


def test_every_label_is_documented() -> None:
    for metric in (*COUNTERS, *HISTOGRAMS):
        row = next(line for line in DOCUMENT.splitlines() if re.match(rf"\| `{metric.name}(_total)?`", line))
        assert [label for label in metric.labels if f"`{label}`" not in row] == [], metric.name
