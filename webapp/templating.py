"""What templates can call besides Flask's own: icons, times, counts, statuses."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, make_response, render_template
from flask_login import current_user
from htmx_flask import request
from markupsafe import Markup
from werkzeug.wrappers import Response

from . import access, static_files
from .models import STATUS_LABELS
from .text import count_of, visible_name

# No inline style, no eval, no requests elsewhere: what the Content-Security-Policy forbids is not tried. History is
# not kept in the browser, where the next person at the desk could read it: Back asks the server. Errors are swapped
# in too, where the answer says (see errors.py). What is swapped in works at once: in the 20 ms that HTMX would wait, a
# press would load a whole page, and a key be lost.
HTMX_CONFIG = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "scrollBehavior": "auto",
    "timeout": 70000,
    "defaultSettleDelay": 0,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "[45]..", "swap": True, "error": True},
    ],
}


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        htmx_config=HTMX_CONFIG, icon=icon, may=_may, Permission=access.Permission, asset_url=asset_url
    )
    app.jinja_env.filters.update(
        moment=moment,
        day=day,
        count=count,
        count_of=count_of,
        status_label=status_label,
        visible_name=visible_name,
        legible_json=legible_json,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def load_all(app: Flask) -> None:
    """Read every template now: with those of another version, installed under this process, its pages would break."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


def page_or_partial(page: str, partial: str, /, **values: Any) -> str:
    """The partial for HTMX, which swaps it in; the page, which includes the same partial, for everyone else.

    A page that HTMX restores from the browser's history is asked for whole.
    """
    wants_partial = request.htmx and not request.htmx.history_restore_request and not request.htmx.boosted
    return render_template(partial if wants_partial else page, **values)


def with_address(html: str, address: str) -> Response:
    """The answer. HTMX is told the address that it is at then, unless the browser is there already."""
    response: Response = make_response(html)
    if request.htmx:
        response.headers["HX-Push-Url"] = "false" if address == _current_address() else address
    return response


def _current_address() -> str | None:
    """Where the browser is as HTMX tells it; None where that is no address, which no browser is at."""
    try:
        current = urlsplit(request.htmx.current_url or "")
    except ValueError:
        return None
    return f"{current.path}?{current.query}".rstrip("?")


def icon(name: str, size: str = "") -> Markup:
    """One of Tabler's icons as inline SVG, hidden from screen readers: words beside it say what it means."""
    found = static_files.find(f"vendor/icons/{name}.svg")
    if found is None:
        raise LookupError(f"there is no icon {name}: see webapp/icons.txt")
    return Markup(_icon_svg(found.content, size))  # noqa: S704


@lru_cache(maxsize=256)
def _icon_svg(content: bytes, size: str) -> str:
    svg = " ".join(content.decode().split())
    return svg.replace('class="icon', f'aria-hidden="true" class="icon {size}', 1)


def asset_url(filename: str) -> str:
    """A static file's address with its version, so that browsers keep it until it changes."""
    found = static_files.find(filename)
    return current_app.url_for("static", filename=filename, v=found.version if found else "0")


def moment(value: datetime | None) -> Markup:
    """A time as an element that the browser shows in the reader's zone; without script it is shown in UTC."""
    if value is None:
        return Markup('<span class="text-secondary">never</span>')
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), value.strftime("%Y-%m-%d %H:%M UTC"))


def day(value: datetime) -> Markup:
    """The day of a time, likewise in the reader's zone."""
    return Markup('<time datetime="{}" data-day>{}</time>').format(value.isoformat(), value.strftime("%Y-%m-%d"))


def count(value: int) -> str:
    """A whole number with its thousands set apart."""
    return f"{value:,}"


def legible_json(value: object) -> str:
    """The value as JSON for people, with the letters of its names where Jinja's `tojson`, for scripts, has codes."""
    return json.dumps(value, ensure_ascii=False)


def status_label(status: str) -> str:
    return STATUS_LABELS.get(status, status)


def _may(permission: access.Permission) -> bool:
    return bool(current_user.is_authenticated and access.may(current_user, permission))
