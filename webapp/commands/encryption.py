"""`flask encrypt-anew`: after it, an encryption key that was replaced is needed no more."""

from __future__ import annotations

import click
from flask import current_app
from sqlalchemy import select

from .. import audit
from ..extensions import UnreadableSecret, db
from ..models import UNREADABLE_SECRET, AuditArea, Integration
from ..text import count_of, first_of
from .output import explained

_FIRST = "the first of ENCRYPTION_KEYS"


@click.command("encrypt-anew")
@explained
def encrypt_anew() -> None:
    """Encrypt with the first of ENCRYPTION_KEYS what is stored that another of them encrypted.

    Then the others can be left out. Before, every process needs to have been restarted with the new key as the first
    one, or it goes on with the old one: docs/deploy.md has the whole way.
    """
    # A sync that renews a sign-in meanwhile waits, or finds that it is stored otherwise and leaves it.
    held = select(Integration).where(Integration.is_live).order_by(Integration.id).with_for_update(key_share=True)
    integrations = db.session.scalars(held).all()
    renewed, unreadable = 0, []
    for integration in integrations:
        try:
            renewed += integration.encrypt_anew()
        except UnreadableSecret:
            unreadable.append(integration.name)
    if renewed:
        audit.record(AuditArea.SETTINGS, f"Encrypted the credentials of {count_of(renewed, 'integration')} anew")
    db.session.commit()
    click.echo(f"Encrypted the credentials of {count_of(renewed, 'integration')} with {_FIRST}.")
    if unreadable:
        raise click.ClickException(
            f"Those of {first_of(unreadable)} are left as they are: no key reads them. {UNREADABLE_SECRET.fix}"
        )
    click.echo(f"All that is stored ({count_of(len(integrations), 'integration')}) is encrypted with it.")
    if len(current_app.config["SETTINGS"].encryption_keys) > 1:
        click.echo("The other keys can be left out now. Keep them with the backups that were made before.", err=True)
