"""Values in portions that one statement takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

# Databases take so many values in one statement, and not many more.
VALUES_PER_STATEMENT = 1000

Value = TypeVar("Value")


def in_portions(values: Sequence[Value], size: int | None = None) -> Iterator[Sequence[Value]]:
    size = size or VALUES_PER_STATEMENT
    for start in range(0, len(values), size):
        yield values[start : start + size]
