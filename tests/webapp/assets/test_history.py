"""The history on the pages: newest first, paged, escaped, with links to the runs."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import AssetChange, ChangeKind, License


@in_turn
def note(license: License, number: int, **values: object) -> None:
    fields = [{"field": "Active", "from": number, "to": number + 1}]
    values.setdefault("fields", fields)
    values.setdefault("kind", ChangeKind.CHANGED)
    db.session.add(AssetChange(license_id=license.id, who="Sync of Partner", **values))
    db.session.commit()


def test_the_newest_change_is_first_and_the_others_are_on_pages(as_reader: FlaskClient, make: Make) -> None:
    license = make.license()
    for number in range(1000, 1025):
        note(license, number)
    page = as_reader.get(f"/licenses/{license.id}").text
    assert page.index("1,025") < page.index("1,016")
    assert ">1,010<" not in page
    assert "1–10 of 25" in page
    partial = as_reader.get(f"/licenses/{license.id}/history?page=3", headers=HTMX).text
    assert "<html" not in partial
    assert "21–25 of 25" in partial
    whole = as_reader.get(f"/licenses/{license.id}/history?page=3").text
    assert "<html" in whole
    for nonsense in ("0", "-1", "x", "9" * 30, "99"):
        assert as_reader.get(f"/licenses/{license.id}/history?page={nonsense}").status_code == 200


def test_every_value_is_escaped(as_reader: FlaskClient, make: Make) -> None:
    nasty = "<script>alert(1)</script>"
    license = make.license()
    note(license, 1, fields=[{"field": nasty, "from": nasty, "to": None}, {"field": "f", "from": "", "to": nasty}])
    page = as_reader.get(f"/licenses/{license.id}").text
    assert nasty not in page
    assert page.count("&lt;script&gt;alert(1)") == 3
    assert "(empty)" in page


def test_who_manages_integrations_reaches_the_run_while_it_is_kept(
    as_administrator: FlaskClient, as_reader: FlaskClient, make: Make
) -> None:
    license, run = make.license(), make.run()
    note(license, 1, run_id=run.id)
    note(license, 2, run_id=run.id + 1000)
    link = f"/account/integrations/{run.integration_id}/runs/"
    page = as_administrator.get(f"/licenses/{license.id}").text
    assert page.count(link) == 1
    assert f"{link}{run.id}" in page
    assert link not in as_reader.get(f"/licenses/{license.id}").text


def test_a_page_takes_as_many_queries_however_long_the_history(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    license, run = make.license(), make.run()

    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get(f"/licenses/{license.id}").status_code == 200
        return len(count_queries)

    note(license, 1, run_id=run.id)
    before = queries()
    for number in range(15):
        note(license, number, run_id=run.id)
    assert queries() == before
