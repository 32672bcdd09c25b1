"""A condition that nearly every row meets, and how a database is told so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class likely(FunctionElement[bool]):  # noqa: N801  it is used as a function
    """The condition as it is. SQLite, which would take it for one that few rows meet, plans for its being met.

    PostgreSQL knows from its statistics how many rows meet it.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> likely:
        """As it is among other conditions: compared with 1, SQLite would not see what it is told."""
        return self


@compiles(likely)
def _as_it_is(element: likely, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(likely, "sqlite")
def _with_likelihood(element: likely, compiler: SQLCompiler, **options: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **options)}, 1.0)"
