"""Sending a file to an import's page, as a browser does."""

from __future__ import annotations

from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def upload(
    client: FlaskClient, content: bytes | str, name: str = "file.csv", *, to: str, size: int | None = None
) -> TestResponse:
    """Send the file to this address; `size` is what the request claims to have."""
    sent = content.encode() if isinstance(content, str) else content
    about = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv'
    body = f"--x\r\n{about}\r\n\r\n".encode() + sent + b"\r\n--x--\r\n"
    claimed = {} if size is None else {"CONTENT_LENGTH": str(size)}
    return client.post(to, data=body, content_type="multipart/form-data; boundary=x", environ_overrides=claimed)


def reviewed(client: FlaskClient, content: bytes | str, *, to: str) -> tuple[str, str]:
    """The address of the dry run of an upload, and its page."""
    answer = upload(client, content, to=to)
    assert answer.status_code == 302, answer.text
    return answer.location, unescape(client.get(answer.location).text)
