"""How the tests read a list, whichever way it is shown."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

from flask.testing import FlaskClient

from webapp.models import License, Organization

GLOBAL = "/global/office-365-licenses"


def products(html: str) -> list[str]:
    """The products' names in the table's rows, from top to bottom."""
    return [unescape(name) for name in re.findall(r'href="/licenses/\d+" title="([^"]*)"', html)]


def license_ids(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'href="/licenses/(\d+)" title=', html)]


def totals(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-total="(\w+)">([\d,]+)<', html))


def exported(client: FlaskClient, address: str, **parameters: object) -> list[dict[str, str]]:
    """The rows of the CSV file that the address exports."""
    answer = client.get(address, query_string={**parameters, "format": "csv"}, buffered=True)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def page(client: FlaskClient, address: str = GLOBAL, **parameters: object) -> str:
    answer = client.get(address, query_string=parameters)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def of_organization(organization_id: int | None) -> str:
    return f"/organizations/{organization_id}/office-365-licenses"


def organization_of(license: License) -> Organization:
    assert license.tenant.organization is not None
    return license.tenant.organization
