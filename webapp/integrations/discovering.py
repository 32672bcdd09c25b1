"""Looking for the tenants that an integration reaches, and what is said of what was found."""

from __future__ import annotations

from typing import Any

from jobs import queue

from ..extensions import db
from ..models import Problem
from ..text import count_of
from .blueprint import ASKING_ERRORS, asking_problem, in_one_line


def find(integration_id: int) -> list[tuple[str, str]]:
    """Ask Microsoft, store what it names, and return what to say of it: sentences, each with the kind of notice."""
    db.session.rollback()  # nobody else waits while Microsoft is asked
    try:
        answer = queue.discover(integration_id)
    except ASKING_ERRORS as error:
        answer = {"ok": False, "problem": asking_problem(error).columns()}
    if not answer["ok"]:
        return [(in_one_line(Problem(**answer["problem"])), "danger")]
    said = [(sentence(answer), "success")]
    if answer["warning"]:
        said.append((in_one_line(Problem(**answer["warning"])), "warning"))
    return said


def sentence(answer: dict[str, Any]) -> str:
    """What was found, in one line."""
    changes = [f"{len(answer[what]):,} {what}" for what in ("new", "back", "gone") if answer[what]]
    found = len(answer["tenants"])
    more = f" ({', '.join(changes)})" if changes else ""
    return f"This integration reaches {count_of(found, 'tenant')}{more}."
