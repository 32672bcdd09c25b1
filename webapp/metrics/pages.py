"""How long pages take: measured around every request, and counted by the page's name."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from .events import page_answered


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.page_began = time.perf_counter()


def _end(response: Response) -> Response:
    # Never the address: that would be a new series for each one that somebody makes up.
    began = g.pop("page_began", None)
    if began is not None:
        page_answered(request.endpoint or "none", response.status_code, time.perf_counter() - began)
    return response
