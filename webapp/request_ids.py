"""An id for each request: in every line that it logs, and in its answer, so that a proxy's log can be joined."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g

from logs import log_context

HEADER = "X-Request-Id"


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _begin() -> None:
    # One's own, whatever was sent along: what others chose is no id.
    g.http_request = secrets.token_hex(8)
    g.log_context = log_context(http_request=g.http_request)
    g.log_context.__enter__()


def _tell(response: Response) -> Response:
    response.headers.setdefault(HEADER, g.get("http_request", ""))
    return response


def _end(error: BaseException | None) -> None:
    context = g.pop("log_context", None)
    if context is not None:
        context.__exit__(None, None, None)
