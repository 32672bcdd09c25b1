"""How long pages take, by their names."""

from __future__ import annotations

from flask.testing import FlaskClient

from .conftest import Scrape


def counted(found: dict[str, float]) -> dict[str, float]:
    start = "seatledger_page_seconds_count{page="
    return {name.removeprefix(start)[:-1]: value for name, value in found.items() if name.startswith(start)}


def test_pages_are_counted_by_name_and_class_of_status_and_never_by_address(
    client: FlaskClient, as_administrator: FlaskClient, scrape: Scrape
) -> None:
    client.get("/healthz")
    client.get("/healthz?q=1")
    for number in range(5):
        client.get(f"/no-such-page-{number}")
    client.get("/licenses/1")
    as_administrator.get("/licenses/987654")
    client.post("/healthz")
    scrape()
    assert counted(scrape()) == {
        "health.alive,status=2xx": 2,
        "none,status=4xx": 6,
        "licenses.show,status=3xx": 1,
        "licenses.show,status=4xx": 1,
        "metrics.show,status=2xx": 1,
    }


def test_a_page_that_fails_is_counted(without_database: FlaskClient, scrape: Scrape) -> None:
    with without_database.session_transaction() as session:
        session["_user_id"] = "x"
    assert without_database.get("/licenses/1").status_code == 503
    assert counted(scrape())["licenses.show,status=5xx"] == 1
