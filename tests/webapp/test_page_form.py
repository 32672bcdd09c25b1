"""What no page sends to a form, and programs may: files and JSON where text is expected."""

from __future__ import annotations

import json
import re
from io import BytesIO
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from webapp.models import Role

from .access_table import PARAMETERS
from .access_world import build

# JSON can spell half of a character, which no encoding can store; and what is no text.
ODD_VALUES = ["\ud800@msp.example", 5, None, ["a"], {"a": "b"}]
ODD_DOCUMENTS = ["[1]", '"text"', "5", "null", "[" * 100_000, "{"]


Forms = tuple[FlaskClient, dict[str, list[str]]]


@pytest.fixture
def forms(app: Flask, make: Make) -> Forms:
    """A browser of an Administrator's, and the addresses of all pages with a form, with the names of their fields."""
    make.user(role=Role.ADMINISTRATOR)
    world = build(make, Role.ADMINISTRATOR)
    client = signed_in(app, world.viewer)
    found = {}
    for rule in app.url_map.iter_rules():
        if {"GET", "POST"} <= (rule.methods or set()):
            built = rule.build({name: PARAMETERS[name].own(world) for name in rule.arguments})
            assert built is not None
            found[built[1]] = re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', client.get(built[1]).text)
    assert any(found.values())
    return client, found


def test_a_file_in_place_of_text_is_as_if_it_were_not_sent(forms: Forms) -> None:
    client, pages = forms
    for address, names in pages.items():
        files: dict[str, Any] = {name: (BytesIO(b"a file"), "file.txt") for name in names}
        answer = client.post(address, data=files, content_type="multipart/form-data")
        assert answer.status_code < 500 or answer.status_code == 503, address
        assert "FileStorage" not in answer.text, address


def test_json_does_not_fill_a_form(forms: Forms) -> None:
    client, pages = forms
    for (address, names), value in product(pages.items(), ODD_VALUES):
        answer = client.post(address, data=json.dumps(dict.fromkeys(names, value)), content_type="application/json")
        assert answer.status_code < 500 or answer.status_code == 503, address


@pytest.mark.parametrize("document", ODD_DOCUMENTS)
def test_json_that_is_no_form_does_not_fail(client: FlaskClient, make: Make, document: str) -> None:
    make.user()
    assert client.post("/sign-in", data=document, content_type="application/json").status_code == 422


def test_files_and_json_let_nobody_in(client: FlaskClient, make: Make) -> None:
    user = make.user()
    sent = {"email": user.email, "password": "correct horse battery staple"}
    assert client.post("/sign-in", json=sent).status_code == 422
    files: dict[str, Any] = {name: (BytesIO(value.encode()), "a.txt") for name, value in sent.items()}
    assert client.post("/sign-in", data=files, content_type="multipart/form-data").status_code == 422
