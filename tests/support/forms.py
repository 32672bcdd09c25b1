"""Edit forms as a browser has them: what they hold beside what somebody types, and sending them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_HIDDEN = re.compile(r'<input type="hidden" name="(was_\w+)" value="([^"]*)"')


def began_with(page: str) -> dict[str, str]:
    """What the form on the page remembers of how its fields began."""
    return dict(_HIDDEN.findall(page))


def opened(client: FlaskClient, address: str) -> dict[str, str]:
    """The same of the form that is opened now."""
    return began_with(client.get(address).text)


def edited(
    client: FlaskClient, address: str, typed: Mapping[str, object], *, follow_redirects: bool = False
) -> TestResponse:
    """Open the form and send it at once, with this typed and all else erased."""
    data = {**opened(client, address), **typed}
    return client.post(address, data=data, follow_redirects=follow_redirects)


def options(page: str, kind: str) -> list[str]:
    """What the page offers in the select of this id, in order."""
    select = re.search(rf'<select id="{kind}".*?</select>', page, re.DOTALL)
    assert select
    return re.findall(r"<option[^>]*>([^<]*)</option>", select[0])
