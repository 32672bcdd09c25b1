"""Where sign-in leads to: the page that was asked for, and never another site."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.browser import HTMX
from tests.support.factories import Make
from webapp.auth.addresses import safe_path

from .forms import sign_in

HERE = ["/", "/organizations", "/global/office-365-licenses?q=a%20b&sort=-unused&page=2", "/licenses/1#top", "/a//b"]
ELSEWHERE = [
    "",
    "organizations",
    "//evil.example",
    "///evil.example",
    "////evil.example/a",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\b",
    "\\/evil.example",
    "http://evil.example",
    "https:evil.example",
    "https:///evil.example",
    "HTTPS://evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    "\t//evil.example",
    " //evil.example",
    " /organizations",
    "/\x00/evil.example",
    "/\x7f/evil.example",
    "/\u2028/evil.example",
    "/\u200b/evil.example",
    "@evil.example",
    ".evil.example",
    "?q=1",
    "#top",
    "/" + "a" * 5000,
]


@pytest.mark.parametrize("target", HERE)
def test_a_path_of_this_site_is_safe(target: str) -> None:
    assert safe_path(target) == target


@pytest.mark.parametrize("target", [*ELSEWHERE, None])
def test_whatever_could_name_another_site_is_not(target: str | None) -> None:
    assert safe_path(target) is None


def test_sign_in_leads_to_the_page_that_was_asked_for(client: FlaskClient, make: Make) -> None:
    make.user(email="ada@msp.example")
    asked = client.get("/account/password?from=mail&x=%C3%A4")
    assert asked.location.startswith("/sign-in?next=")
    page = client.get(asked.location)
    assert page.status_code == 200
    answer = client.post(asked.location, data={"email": "ada@msp.example", "password": "correct horse battery staple"})
    assert answer.location == "/account/password?from=mail&x=%C3%A4"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"])
def test_sign_in_leads_home_rather_than_to_another_site(client: FlaskClient, make: Make, target: str) -> None:
    make.user(email="ada@msp.example")
    assert sign_in(client, "ada@msp.example", next_page=target).location == "/"


def test_a_form_that_was_sent_without_a_session_is_opened_anew_after_sign_in(client: FlaskClient, make: Make) -> None:
    make.user()
    assert client.post("/account/password?from=mail", data={}).location == "/sign-in?next=/account/password?from%3Dmail"


def test_a_button_that_was_pressed_without_a_session_has_no_page_to_open(client: FlaskClient, make: Make) -> None:
    make.user()
    assert client.post("/account/integrations/1/sync").location == "/sign-in"


def test_the_start_page_needs_no_mention(client: FlaskClient, make: Make) -> None:
    make.user()
    assert client.get("/").location == "/sign-in"


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ("http://localhost/organizations?q=a", "/sign-in?next=/organizations?q%3Da"),
        ("http://localhost/", "/sign-in"),
        ("http://evil.example/organizations", "/sign-in"),
        ("http://localhost//evil.example", "/sign-in"),
        ("http://[bad", "/sign-in"),
        ("", "/sign-in"),
    ],
)
def test_a_partial_asked_for_without_a_session_opens_the_sign_in_page(
    client: FlaskClient, make: Make, current: str, expected: str
) -> None:
    make.user()
    answer = client.get("/account/password", headers={**HTMX, "HX-Current-URL": current})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == expected
    assert "<form" not in answer.text


def test_a_program_is_told_in_json_to_sign_in(client: FlaskClient, make: Make) -> None:
    make.user()
    answer = client.get("/account/password", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json) == (401, {"error": "Sign in to go on."})
