"""Fixtures for metrics: a process that has counted nothing yet, and what `/metrics` tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from webapp.metrics.counting import counts

TOKEN = "a-token-for-prometheus"

Scrape = Callable[[], dict[str, float]]


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    counts.take()
    yield
    counts.take()


@pytest.fixture
def with_token(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], metrics_token=TOKEN)


@pytest.fixture
def scrape(app: Flask, with_token: None) -> Scrape:
    """What `/metrics` tells, each series by its name and labels as they are written."""

    def ask() -> dict[str, float]:
        answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return series(answer.text)

    return ask


def series(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found, f"{name} is told twice"
            found[name] = sample.value
    return found
