"""How the tests read the list of organizations."""

from __future__ import annotations

import re
from html import unescape

from flask.testing import FlaskClient


def names(html: str) -> list[str]:
    """Those in the table's rows, from top to bottom."""
    return [unescape(name) for name in re.findall(r'href="/organizations/\d+" title="([^"]*)"', html)]


def page(client: FlaskClient, **parameters: object) -> str:
    answer = client.get("/organizations", query_string=parameters)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)
