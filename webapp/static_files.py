"""Static files: sent by WhiteNoise before the app is asked, compressed where a .gz lies beside.

They are sent as they were when the process started: another version may be installed under it while it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.headers import Headers

from flask import Flask, current_app
from whitenoise import WhiteNoise
from whitenoise.responders import Response, StaticFile

from .security import HEADERS

# Every address carries the file's version (see `templating.asset_url`), so that a browser may keep it this long.
MAX_AGE = 365 * 24 * 3600

_NOT_ALLOWED = Response(HTTPStatus.METHOD_NOT_ALLOWED, [*HEADERS.items(), ("Allow", "GET, HEAD")], None)


class KeptFile(StaticFile):
    """A file in memory."""

    def __init__(self, path: str, *args: Any, **options: Any) -> None:
        super().__init__(path, *args, **options)
        # The file itself, and it as it is compressed.
        self._contents = {place: Path(place).read_bytes() for _, place, _ in self.alternatives}
        self.content = self._contents[path]
        # By what it holds, which is the same for all web processes, and not by when it was installed.
        self.version = hashlib.sha256(self.content).hexdigest()[:12]

    def get_response(self, method: str, request_headers: Mapping[str, str]) -> Response:
        """Let nobody keep it as another version: a page of that version may have come from another process."""
        if method not in {"GET", "HEAD"}:
            return _NOT_ALLOWED
        asked = parse_qs(request_headers.get("QUERY_STRING", "")).get("v", [])
        is_asked = self.version in asked
        if is_asked and self.is_not_modified(request_headers):
            return self.not_modified_response
        place, headers = self.get_path_and_headers(request_headers)
        keep = f"max-age={MAX_AGE}, public" if is_asked else "no-store"
        content = BytesIO(self._contents[place]) if method == "GET" else None
        return Response(HTTPStatus.OK, [*headers, ("Cache-Control", keep)], content)


class StaticFiles(WhiteNoise):
    """WhiteNoise with files in memory."""

    def get_static_file(self, path: str, url: str, stat_cache: Mapping[str, Any] | None = None) -> KeptFile:
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        for name, value in HEADERS.items():
            headers[name] = value
        return KeptFile(path, headers.items(), stat_cache=stat_cache, encodings={"gzip": f"{path}.gz"})


def init_app(app: Flask) -> None:
    files = StaticFiles(app.wsgi_app, root=app.static_folder, prefix=app.static_url_path, autorefresh=app.debug)
    app.extensions["static_files"] = files
    app.wsgi_app = files  # type: ignore[method-assign]


def find(filename: str) -> KeptFile | None:
    """The file of this name; None where there is none."""
    files: StaticFiles = current_app.extensions["static_files"]
    url = f"{current_app.static_url_path}/{filename}"
    found: KeptFile | None = files.find_file(url) if files.autorefresh else files.files.get(url)
    return found
