"""The titles of an integration's pages: of several tabs of a browser each tells whose page it is."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient

from tests.support.factories import Make


def _title(as_administrator: FlaskClient, address: str) -> str:
    found = re.search("<title>(.*?)</title>", as_administrator.get(address).get_data(as_text=True))
    assert found
    return html.unescape(found[1])


@pytest.mark.parametrize("page", ["settings", "tenants", "runs", "connection"])
def test_it_names_the_integration(as_administrator: FlaskClient, make: Make, page: str) -> None:
    integration = make.integration(name="Fabrikam & Sons")
    title = _title(as_administrator, f"/account/integrations/{integration.id}/{page}")
    assert title.endswith(" · Fabrikam & Sons · Seatledger")


def test_it_names_it_once(as_administrator: FlaskClient, make: Make) -> None:
    integration = make.integration(name="Fabrikam")
    assert _title(as_administrator, f"/account/integrations/{integration.id}/remove") == "Remove Fabrikam · Seatledger"


def test_that_of_all_tenants_names_none(as_administrator: FlaskClient, make: Make) -> None:
    make.integration(name="Fabrikam")
    assert _title(as_administrator, "/account/integrations/tenants") == "Match Tenants · Seatledger"
