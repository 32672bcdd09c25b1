"""A key, and what a program reads with it."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient, FlaskCliRunner

LICENSES, ORGANIZATIONS = "/api/v1/licenses", "/api/v1/organizations"


def made(run_command: FlaskCliRunner, *arguments: str) -> str:
    result = run_command.invoke(args=["api-keys", "create", *arguments])
    assert result.exit_code == 0, result.output
    return result.output.strip()


def read(client: FlaskClient, key: str, address: str = LICENSES) -> Any:
    answer = client.get(address, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()
