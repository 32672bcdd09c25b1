"""What the lines of the log are about: a run, a part, a tenant, a request of a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_fields: ContextVar[Mapping[str, Any]] = ContextVar("seatledger_log_fields", default=MappingProxyType({}))


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Every line that this thread logs within says these fields, beside those of the contexts around it.

    A thread that is started within begins without any. A field that is None is left out.
    """
    before = _fields.get()
    _fields.set({**before, **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _fields.set(before)


def current_fields() -> Mapping[str, Any]:
    return _fields.get()
