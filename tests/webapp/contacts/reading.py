"""What the pages of contacts say."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

from flask.testing import FlaskClient

GLOBAL = "/global/contacts"


def listed(client: FlaskClient, address: str = GLOBAL, **query: object) -> list[str]:
    """The names in the list, in order."""
    answer = client.get(address, query_string=query)
    assert answer.status_code == 200
    return [unescape(name) for name in re.findall(r'href="/contacts/\d+" title="([^"]*)"', answer.text)]


def exported(client: FlaskClient, address: str = GLOBAL, **query: object) -> list[dict[str, str]]:
    answer = client.get(address, query_string={**query, "format": "csv"})
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
