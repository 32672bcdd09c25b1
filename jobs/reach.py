"""Whether Microsoft's hosts can be reached from here, and what their clocks say. Nobody signs in for it."""

from __future__ import annotations

from typing import Any

from flask import current_app

from webapp.models import Cloud, Problem

from .job import job
from .microsoft.clouds import hosts
from .microsoft.errors import MicrosoftError
from .microsoft.reply import Reply
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
        reply = Reply.of(transport().send("GET", url))
    except MicrosoftError as error:
        return {"host": host, "problem": error.problem.columns()}
    # Whatever these two say, they say it by a JSON object; a network that wants to be signed in to does not.
    if reply.has_failed_there or not isinstance(reply.body, dict):
        return {"host": host, "problem": _not_as_documented(host, reply.status).columns()}
    return {"host": host, "at": reply.date.isoformat() if reply.date else None}


def _not_as_documented(host: str, status: int) -> Problem:
    return Problem(
        f"{host} gives an answer, but not as Microsoft does (HTTP {status}).",
        "Check whether a proxy, a firewall or a network that wants to be signed in to answers in Microsoft's place. If "
        "none does, Microsoft has trouble of its own, which usually passes.",
        "unexpected_answer",
    )
