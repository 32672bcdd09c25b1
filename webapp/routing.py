"""Ids in addresses."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from .search import LARGEST_ID


class RowId(IntegerConverter):
    """`<id:...>`: an id that its column can hold. A larger number is an address that does not exist."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


def init_app(app: Flask) -> None:
    app.url_map.converters["id"] = RowId
