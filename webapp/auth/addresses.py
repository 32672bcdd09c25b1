"""Where to go after sign-in: only ever to a page of this site."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

from flask import request, url_for

_LONGEST = 2000


def safe_path(target: str | None) -> str | None:
    """The target, if it is a path on this site; None for whatever a browser could take for another site.

    Browsers read a backslash as a slash and drop tabs and line breaks, so that /\\t/evil.example names a host.
    """
    if not target or len(target) > _LONGEST or "\\" in target or not target.startswith("/") or target.startswith("//"):
        return None
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target


def after_sign_in() -> str:
    """The page that was asked for before sign-in, or home."""
    return safe_path(request.args.get("next")) or url_for("home")


def current_page() -> str | None:
    """The path and query of the page that the reader looks at, where it is one of ours.

    For a request of a page that is the page itself, and for a form that was sent its own page; for a request that HTMX
    makes within a page, the page around it.
    """
    if not request.headers.get("HX-Request"):
        methods = request.url_rule.methods if request.url_rule else None
        return safe_path(_path_and_query(request.url)) if "GET" in (methods or ()) else None
    url = request.headers.get("HX-Current-URL", "")
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return safe_path(_path_and_query(url)) if parts.netloc.lower() == request.host.lower() else None


def _path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
