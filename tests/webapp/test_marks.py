"""Letters with marks without end: normalizing a run of them takes time that grows with the square of its length."""

from __future__ import annotations

import re
import unicodedata

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from webapp.models import Role

from .access_table import PARAMETERS
from .access_world import build

# Two marks that belong in the other order. So many are within what a request may have.
MARKS = "a" + "\u0301\u0316" * 20_000
ADDRESS = f"{MARKS}@msp.example"


@pytest.fixture
def normalized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all that is normalized."""
    lengths: list[int] = []
    normalize = unicodedata.normalize

    def note(form: str, text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text[:1000])  # type: ignore[arg-type]

    monkeypatch.setattr(unicodedata, "normalize", note)
    return lengths


@pytest.mark.parametrize("text", [MARKS, ADDRESS, f"a@{MARKS}.example"])
def test_who_signs_in_makes_the_server_normalize_no_more_than_an_address(
    client: FlaskClient, make: Make, normalized: list[int], text: str
) -> None:
    make.user()
    assert client.post("/sign-in", data={"email": text, "password": "a password"}).status_code == 401
    assert max(normalized, default=0) < 1000


def test_no_form_makes_the_server_normalize_a_text_that_is_too_long_for_it(
    app: Flask, make: Make, normalized: list[int]
) -> None:
    make.user(role=Role.ADMINISTRATOR)
    world = build(make, Role.ADMINISTRATOR)
    client = signed_in(app, world.viewer)
    for rule in app.url_map.iter_rules():
        if not {"GET", "POST"} <= (rule.methods or set()):
            continue
        built = rule.build({name: PARAMETERS[name].own(world) for name in rule.arguments})
        assert built is not None
        names = set(re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', client.get(built[1]).text))
        for name in names - {"kind"}:
            client.post(built[1], data={"name": "New", "kind": "select", name: ADDRESS})
            assert max(normalized, default=0) < 20_000, (built[1], name)
    assert client.get("/account").status_code == 200
