"""Asking Microsoft from a command: through a worker, or here where none is running."""

from __future__ import annotations

from typing import Any

import click

from jobs import queue

from ..integrations.status import workers_alive
from ..models import Problem


def ask(job: str, through_queue: Any, argument: Any) -> dict[str, Any]:
    """Let a worker do the job, or do it here where none is running."""
    answer: dict[str, Any] = through_queue(argument) if _is_any_worker() else queue.run_here(job, argument)
    return answer


def _is_any_worker() -> bool:
    """Whether a worker takes what somebody waits for, which not all do."""
    return bool(workers_alive(queue.INTERACTIVE))


def refusal(problem: Problem) -> click.ClickException:
    """What ends a command that Microsoft, or something on the way there, refused."""
    code = f"\nCode: {problem.code}" if problem.code else ""
    return click.ClickException(f"{problem.reason}\n{problem.fix}{code}")


def warn(problem: Problem | None) -> None:
    """Say on standard error what could not be read beside the rest."""
    if problem is not None:
        click.echo(f"Note: {problem.text}", err=True)
