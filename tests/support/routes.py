"""All addresses of the app, those to come included: what holds for every one of them is tested over this list."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each endpoint with each of its methods and an address for it, whose ids name nothing that exists."""
    for rule in app.url_map.iter_rules():
        built = rule.build({name: _value(converter) for name, converter in rule._converters.items()})
        if built is None:
            raise AssertionError(f"no address can be made for {rule}")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, built[1]


def _value(converter: BaseConverter) -> object:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 987654 if isinstance(converter, IntegerConverter) else "none"
