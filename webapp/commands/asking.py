"""Asking Microsoft from a command: through a worker, or here where none is running."""

from __future__ import annotations

from typing import Any

import click

from jobs import queue

from ..integrations.status import is_any_worker
from ..models import Problem


def ask(job: str, through_queue: Any, argument: Any) -> dict[str, Any]:
    """Let a worker do the job, or do it here where none is running."""
    # Not all workers take what somebody waits for.
    is_taken = is_any_worker(queue.INTERACTIVE)
    answer: dict[str, Any] = through_queue(argument) if is_taken else queue.run_here(job, argument)
    return answer


def refusal(problem: Problem) -> click.ClickException:
    """What ends a command that Microsoft, or something on the way there, refused."""
    code = f"\nCode: {problem.code}" if problem.code else ""
    return click.ClickException(f"{problem.reason}\n{problem.fix}{code}")


def warn(problem: Problem | None) -> None:
    """Say on standard error what could not be read beside the rest."""
    if problem is not None:
        click.echo(f"Note: {problem.text}", err=True)
