"""Choosing out of very many, with and without script."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from webapp.administration import picker
from webapp.extensions import db
from webapp.models import User, utc_now

INVITE = "/account/users/invite"
FORM = {"email": "ann@msp.example", "role": "editor", "which": "chosen"}


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picker, "MOST_LISTED", 2)


def boxes(html: str, kind: str = "organizations") -> dict[str, bool]:
    """The names beside the boxes of a picker, and whether they are ticked."""
    found = {}
    for label in re.findall(r"<label.*?</label>", html, re.DOTALL):
        if f'name="{kind}"' in label:
            name = re.search(r'break-anywhere">([^<]*)<', label)
            assert name
            found[name[1]] = " checked" in label
    return found


@pytest.mark.usefixtures("few_are_many")
def test_without_script_a_button_finds_and_what_was_ticked_stays(as_administrator: FlaskClient, make: Make) -> None:
    chosen, *_ = [make.organization(name=f"Contoso {number}") for number in range(4)]
    make.organization(name="Fabrikam")
    page = as_administrator.get(INVITE).text
    assert boxes(page) == {"Contoso 0": False, "Contoso 1": False}
    assert "There are more." in page
    sent = {**FORM, "organizations": [chosen.id], "organizations-shown": [chosen.id], "organizations-q": "fabri"}
    page = as_administrator.post(INVITE, data={**sent, "organizations-find": "1"}).text
    assert boxes(page) == {"Contoso 0": True, "Fabrikam": False}
    assert 'value="ann@msp.example"' in page
    assert db.session.query(User).count() == 1, "finding saves nothing"


def test_enter_in_a_search_box_finds_and_elsewhere_saves(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="Fabrikam")
    enter = {**FORM, "enter": "1"}
    assert as_administrator.post(INVITE, data={**enter, "organizations-q": "fab"}).status_code == 200
    assert as_administrator.post(INVITE, data={**enter, "organizations-q": ""}).status_code == 302


def test_as_somebody_types_the_boxes_alone_are_answered(as_administrator: FlaskClient, make: Make) -> None:
    user = make.reader(make.organization(name="Given"))
    make.organization(name="Other")
    htmx = {**HTMX, "HX-Trigger-Name": "organizations-q"}
    answer = as_administrator.get(f"/account/users/{user.id}?organizations-q=OTH", headers=htmx)
    assert boxes(answer.text) == {"Other": False}
    assert "<form" not in answer.text


@pytest.mark.usefixtures("few_are_many")
def test_what_is_given_comes_first_and_what_is_taken_away_stays_in_sight(
    as_administrator: FlaskClient, make: Make
) -> None:
    organizations = {name: make.organization(name=name) for name in ("A", "B", "C", "D")}
    user = make.reader(organizations["C"], organizations["D"])
    address = f"/account/users/{user.id}"
    assert boxes(as_administrator.get(address).text) == {"C": True, "D": True}
    untick = {"organizations-shown": [organizations["C"].id], "organizations-q": "a", "organizations-find": "1"}
    form = {"role": "read-only", "which": "chosen"}
    assert boxes(as_administrator.post(address, data={**form, **untick}).text) == {"C": False, "A": False}


def test_an_archived_organization_is_not_offered_unless_it_is_given(as_administrator: FlaskClient, make: Make) -> None:
    given, _ = (make.organization(name=name, archived_at=utc_now()) for name in ("Given", "Archived"))
    user = make.reader(given)
    assert boxes(as_administrator.get(f"/account/users/{user.id}").text) == {"Given": True}


def test_names_are_text(as_administrator: FlaskClient, make: Make) -> None:
    make.organization(name="<script>alert(1)</script>")
    page = as_administrator.get(INVITE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_takes_the_same_queries_however_many_there_are(
    as_administrator: FlaskClient, make: Make, count_queries: list[str]
) -> None:
    user = make.reader()

    def queries() -> int:
        count_queries.clear()
        assert as_administrator.get(f"/account/users/{user.id}").status_code == 200
        return len(count_queries)

    before = queries()
    make.grant(user, *(make.organization() for _ in range(5)))
    assert queries() == before
