"""Whether Microsoft's hosts can be reached from here, and what their clocks say. Nobody signs in for it."""

from __future__ import annotations

from typing import Any

from flask import current_app

from webapp.models import Cloud

from .job import job
from .microsoft.clouds import hosts
from .microsoft.errors import MicrosoftError
from .tenant import transport


@job
def reach(cloud: str) -> dict[str, Any]:
    """Ask the cloud's sign-in host and its Graph one question each.

    Returns for each host `host`, and either `at`, the moment that it gave, as ISO text or None, or `problem`.
    """
    found = hosts(Cloud(cloud), current_app.config["SETTINGS"])
    return {
        "hosts": [
            _ask(f"{found.login_url}/common/v2.0/.well-known/openid-configuration"),
            # Without a token Graph refuses to answer, which is an answer.
            _ask(f"{found.graph_url}/v1.0/organization"),
        ]
    }


def _ask(url: str) -> dict[str, Any]:
    host = url.split("/")[2]
    try:
        answer = transport().send("GET", url)
    except MicrosoftError as error:
        return {"host": host, "problem": error.problem.columns()}
    return {"host": host, "at": answer.date.isoformat() if answer.date else None}
