"""What every refusal of the sign-in has."""

from __future__ import annotations

import uuid

import requests


def assert_login_error(answer: requests.Response, status: int, error: str, code: int) -> dict[str, object]:
    """It is this refusal, in Microsoft's own form. Returns its JSON."""
    body: dict[str, object] = answer.json()
    assert answer.status_code == status
    assert body["error"] == error
    assert body["error_codes"] == [code]
    description = str(body["error_description"])
    assert description.startswith(f"AADSTS{code}: ")
    assert f"\r\nTrace ID: {body['trace_id']}\r\nCorrelation ID: {body['correlation_id']}\r\nTimestamp: " in description
    assert str(body["error_uri"]).endswith(f"/error?code={code}")
    assert uuid.UUID(str(body["trace_id"]))
    assert str(body["timestamp"]).endswith("Z")
    return body
