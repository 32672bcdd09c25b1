"""`flask doctor`: a look at the whole installation."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from .. import doctor as checks
from ..database import only_reading
from .output import as_json_option, explained_with_any_database, print_records

_MARKS = {checks.Health.OK: "ok", checks.Health.WARNING: "look", checks.Health.FAILED: "FAIL"}


@click.command("doctor")
@as_json_option
@explained_with_any_database
def doctor(as_json: bool) -> None:
    """Look at settings, database, Redis, workers, clocks and Microsoft's hosts, and say what to do where one is ill.

    Exits with 1 where something failed, and with 0 where all is well or only worth a look.
    """
    findings = []
    # It takes a while: nobody who writes must wait for it.
    with only_reading():
        for finding in checks.every_check():
            findings.append(finding)
            if not as_json:
                click.echo(f"{_MARKS[finding.health]:<5} {finding.part}: {finding.text}")
                if finding.fix:
                    click.echo(f"      {finding.fix}")
    if as_json:
        print_records([asdict(finding) for finding in findings], (), as_json)
    sys.exit(any(finding.health == checks.Health.FAILED for finding in findings))
