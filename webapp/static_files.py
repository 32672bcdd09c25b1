"""Static files: sent by WhiteNoise before the app is asked, compressed where a .gz lies beside."""

from __future__ import annotations

from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise

from .security import HEADERS

# Every address carries the file's version (see `templating.asset_url`), so that a browser may keep it this long.
MAX_AGE = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=app.static_folder,
        prefix=app.static_url_path,
        max_age=MAX_AGE,
        allow_all_origins=False,
        autorefresh=app.debug,
        add_headers_function=_add_headers,
    )


def _add_headers(headers: Headers, path: str, url: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
