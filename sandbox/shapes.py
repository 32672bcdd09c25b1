"""From JSON to dataclasses, strictly: an unknown field or a value of another type is refused by name."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object"}


class ShapeError(ValueError):
    """The JSON does not have the shape; the message says where and what was expected."""


def build(kind: type[T], value: object, where: str) -> T:
    """`value`, as JSON gives it, as an instance of the dataclass `kind`. Raises ShapeError that begins with `where`."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{where}: expected an object")
    hints = _hints(kind)  # type: ignore[arg-type]
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise ShapeError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(fields)}")
    for name, field in fields.items():
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if no_default and name not in value:
            raise ShapeError(f"{where}: field {name!r} is missing")
    converted = {name: _convert(hints[name], item, f"{where}.{name}") for name, item in value.items()}
    try:
        return kind(**converted)
    except ValueError as error:
        raise ShapeError(f"{where}: {error}") from error


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    # Working them out anew for each of thousands of SKUs would be most of the time it takes to start.
    return get_type_hints(kind)


def _convert(hint: Any, value: object, where: str) -> object:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _convert(next(kind for kind in get_args(hint) if kind is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ShapeError(f"{where}: expected a list")
        return tuple(_convert(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        return _scalar(dict, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where)
    return _scalar(hint, value, where)


def _scalar(hint: type, value: object, where: str) -> object:
    # bool is a kind of int in Python, but true is not a number in JSON.
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if hint is float and isinstance(value, int) and is_number:
        return float(value)
    if not isinstance(value, hint) or (hint is int and not is_number):
        raise ShapeError(f"{where}: expected {_NAMES[hint]}")
    return value
