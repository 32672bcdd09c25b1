"""What is asked of Microsoft is counted and what it refuses is logged, without what must not be told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from jobs.microsoft.errors import MicrosoftError, Throttled
from jobs.microsoft.graph import GraphClient
from jobs.microsoft.noting import note_answer, note_batched
from jobs.microsoft.page import Ask
from jobs.microsoft.patience import patiently
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox
from tests.support.microsoft import sandbox_tenant
from webapp.metrics.counting import Field, counts

from .helpers import openid

GRAPH = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=abc"
SIGN_IN = "https://login.microsoftonline.com/contoso/oauth2/v2.0/token"


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    counts.take()
    yield
    counts.take()


def counted(name: str) -> dict[Field, float]:
    return {field[1:]: number for field, number in counts.take().items() if field[0] == f"seatledger_microsoft_{name}"}


def test_requests_are_counted_by_the_kind_of_host_and_the_status() -> None:
    for url, status in ((GRAPH, 200), (GRAPH, 200), (GRAPH, 403), (SIGN_IN, 200), ("https://example.com/", 302)):
        note_answer(url, status, "")
    note_answer("https://login.microsoftonline.com/x/v2.0/.well-known/openid-configuration", 200, "")
    note_answer("https://proxy.example/graph/v1.0/$batch", 200, "")
    assert counted("requests") == {
        ("graph", "200"): 3,
        ("graph", "403"): 1,
        ("sign_in", "200"): 2,
        ("other", "302"): 1,
    }


def test_numbers_that_are_no_status_make_one_series() -> None:
    for status in (0, 7, 600, 10**9, -1):
        note_batched(GRAPH, status, "")
    note_batched(GRAPH, 404, "")
    assert counted("batched") == {("other",): 5, ("404",): 1}


@pytest.mark.parametrize(
    ("status", "level"),
    [(200, None), (302, None), (400, "INFO"), (403, "INFO"), (410, "INFO"), (429, "WARNING"), (503, "WARNING")],
)
def test_a_refusal_is_a_line_with_its_place_and_request_id(
    status: int, level: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    note_answer(GRAPH, status, "a-request")
    assert [record.levelname for record in caplog.records] == ([level] if level else [])
    for record in caplog.records:
        about = {name: vars(record)[name] for name in ("host", "path", "status", "request_id")}
        assert about == {
            "host": "graph.microsoft.com",
            "path": "/v1.0/users/delta",
            "status": status,
            "request_id": "a-request",
        }
        assert "deltatoken" not in record.getMessage()


def test_a_wait_that_is_asked_for_is_counted_once_with_its_seconds(
    shared_sandbox: Sandbox, transport: Transport
) -> None:
    for seconds in (7, None):
        with pytest.raises(Throttled):
            transport.send("GET", openid(shared_sandbox, Fault("openid", "throttle", retry_after=seconds)))
    taken = counts.take()
    assert taken["seatledger_microsoft_throttled",] == 2
    assert taken["seatledger_microsoft_throttled_seconds",] == 7
    assert taken["seatledger_microsoft_requests", "sign_in", "429"] == 2


def test_a_request_without_an_answer_is_counted_and_logged(
    shared_sandbox: Sandbox, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MicrosoftError):
        transport.send("GET", openid(shared_sandbox, Fault("openid", "drop")))
    with pytest.raises(MicrosoftError):
        transport.send("GET", "https://127.0.0.1:1/v1.0/users?$top=secret")
    assert sum(counted("requests").values()) == 2
    assert [record.levelname for record in caplog.records if record.name == "jobs.microsoft.noting"] == ["WARNING"] * 2
    assert "127.0.0.1 gave no answer at /v1.0/users: unreachable" in caplog.text
    assert "secret" not in caplog.text


def test_what_is_stopped_before_it_is_sent_is_no_request() -> None:
    def stop() -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        Transport(None, stop).send("GET", GRAPH)
    assert counts.take() == {}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault("openid", "throttle", times=1, retry_after=1), "throttled"), (Fault("openid", "drop", times=1), "fault")],
)
def test_what_is_asked_again_is_counted_by_why(
    fault: Fault, reason: str, shared_sandbox: Sandbox, transport: Transport
) -> None:
    url = openid(shared_sandbox, fault)
    patiently(lambda: transport.send("GET", url), sleep=lambda seconds: None)
    assert counted("retries") == {(reason,): 1}


def test_answers_within_a_batch_are_counted_and_logged_each(
    shared_sandbox: Sandbox, graph: Callable[..., GraphClient], caplog: pytest.LogCaptureFixture
) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("organization", "forbidden"),))
    asks = [Ask("/subscribedSkus", "x"), Ask("/organization?$select=id", "y")]
    caplog.set_level(logging.INFO)
    graph(tenant).together(asks)
    taken = counts.take()
    assert taken["seatledger_microsoft_requests", "graph", "200"] == 1
    assert taken["seatledger_microsoft_batched", "200"] == taken["seatledger_microsoft_batched", "403"] == 1
    (refused,) = [vars(record) for record in caplog.records if record.name == "jobs.microsoft.noting"]
    assert (refused["path"], refused["status"]) == ("/v1.0/organization", 403)
    assert refused["request_id"]
