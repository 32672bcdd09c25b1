"""What an app signs in with, as commands are told it, and `flask integrations credentials`, which changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from jobs import queue

from ..extensions import db
from ..integrations import certificates, connecting, fields
from ..integrations.proof import CERTIFICATE, Expiry, Proof, expiry_of, kind_of, told
from ..integrations.trying import Refused
from ..models import Cloud, Integration, utc_now
from . import find
from .asking import ask as ask_microsoft
from .asking import refusal, warn
from .output import explained, read_line, read_secret


def ask(sealed: str) -> dict[str, Any]:
    """What Microsoft says of sealed credentials."""
    return ask_microsoft("jobs.connect.check", queue.check_connection, sealed)


def proof_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which a command is told a client secret or a certificate."""
    for option in reversed(
        (
            click.option("--client-secret-stdin", is_flag=True, help="Read the client secret from standard input."),
            click.option(
                "--secret-expires-on",
                type=click.DateTime(["%Y-%m-%d"]),
                metavar="DATE",
                help="The client secret's last day, as in 2027-01-31: warnings come 30 days before.",
            ),
            click.option(
                "--certificate",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Sign in with a certificate instead: a PEM file with the private key and its certificate.",
            ),
            click.option(
                "--certificate-password-stdin",
                is_flag=True,
                help="Read the password of the private key from standard input.",
            ),
        )
    ):
        command = option(command)
    return command


def given_proof(
    client_secret_stdin: bool,
    secret_expires_on: datetime | None,
    certificate: Path | None,
    certificate_password_stdin: bool,
) -> Proof:
    """What the options say, checked; with neither secret nor certificate it is empty but for the date.

    Raises `UsageError` where they contradict each other, and `ClickException` where what was given is of no use.
    """
    if certificate is not None and (client_secret_stdin or secret_expires_on):
        raise click.UsageError("Give a client secret or --certificate, not both: one replaces the other.")
    if certificate is None and certificate_password_stdin:
        raise click.UsageError("--certificate-password-stdin goes with --certificate.")
    ends_on = secret_expires_on.date() if secret_expires_on else None
    try:
        if certificate is not None:
            return Proof(certificate=_read(certificate, certificate_password_stdin))
        secret = fields.client_secret(read_secret("client secret")) if client_secret_stdin else ""
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if ends_on and ends_on < utc_now().date():
        raise click.ClickException(f"{ends_on} has passed. Take the date that the app registration shows.")
    return Proof(secret, ends_on)


def _read(path: Path, has_password: bool) -> certificates.Certificate:
    try:
        with path.open("rb") as file:
            content = file.read(certificates.LARGEST + 1)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read ({error.strerror}).") from error
    password = read_line() if has_password else ""
    try:
        return certificates.read(content, password, utc_now())
    except ValueError as error:
        hint = " --certificate-password-stdin reads it." if "Key password" in str(error) else ""
        raise click.ClickException(f"{path}: {error}{hint}") from error


@click.command("credentials")
@click.argument("name")
@click.option("--client-id", metavar="GUID", help="Another app registration's Application (client) ID.")
@proof_options
@explained
def credentials(
    name: str,
    client_id: str | None,
    client_secret_stdin: bool,
    secret_expires_on: datetime | None,
    certificate: Path | None,
    certificate_password_stdin: bool,
) -> None:
    """Give the integration NAME new credentials, or without an option print what is known of those that it has.

    They are tried with Microsoft before they are saved. A certificate replaces a client secret, and the other way
    round. The secrets themselves are never shown.
    """
    proof = given_proof(client_secret_stdin, secret_expires_on, certificate, certificate_password_stdin)
    integration = find.integration_named(name)
    if secret_expires_on and not proof.is_given and kind_of(integration) == CERTIFICATE:
        raise click.UsageError("The integration signs in with a certificate, which tells its own date.")
    if proof.is_given or secret_expires_on or client_id is not None:
        _change(integration, client_id, proof)
    _print(find.integration_named(name))


def _change(integration: Integration, client_id: str | None, proof: Proof) -> None:
    try:
        new_id = fields.client_id(client_id) if client_id is not None else integration.client_id
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not proof.is_given and proof.secret_ends_on is None:
        proof = replace(proof, secret_ends_on=integration.credentials_end_on)
    integration_id, name, cloud = integration.id, integration.name, Cloud(integration.cloud)
    try:
        warn(connecting.update(ask, integration_id, name, new_id, cloud, proof))
    except Refused as refused:
        raise refusal(refused.problem) from refused


def _print(integration: Integration) -> None:
    known = told(integration)
    click.echo(f"{integration.name}\n  client id: {integration.client_id}")
    click.echo(f"  signs in with: {known['credentials'] or 'nothing'}")
    if known["certificate_thumbprint"]:
        click.echo(f"  thumbprint: {known['certificate_thumbprint']}")
    click.echo(f"  expires on: {known['credentials_end_on'] or 'not known'}")
    warn_of(integration, utc_now().date())
    db.session.rollback()


def warn_of(integration: Integration, today: date) -> None:
    """Say on standard error what somebody has to do about the credentials."""
    for sentence in warnings(integration, expiry_of(integration, today)):
        click.echo(f"Note: {integration.name}: {sentence}", err=True)


def warnings(integration: Integration, expiry: Expiry | None) -> list[str]:
    found = [expiry.sentence] if expiry else []
    if integration.acts_for_user and integration.sign_in_lapsed_at:
        found.append(
            f"Microsoft no longer takes the sign-in of {integration.signed_in_as or 'the partner user'}. Sign in again "
            "under Actions > Edit Connection."
        )
    return found
