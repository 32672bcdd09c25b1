"""What a browser holds of an edit form beside what somebody types."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

_HIDDEN = re.compile(r'<input type="hidden" name="(was_\w+)" value="([^"]*)"')


def began_with(page: str) -> dict[str, str]:
    """What the form on the page remembers of how its fields began."""
    return dict(_HIDDEN.findall(page))


def opened(client: FlaskClient, address: str) -> dict[str, str]:
    """The same of the form that is opened now."""
    return began_with(client.get(address).text)
