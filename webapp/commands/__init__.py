"""The `flask` commands, for scripts and for who prefers a terminal. They and the pages call the same functions."""

from __future__ import annotations

from flask import Flask

from . import (
    api_keys,
    assets,
    audit,
    backup,
    contacts,
    doctor,
    encryption,
    groups,
    integrations,
    licenses,
    organizations,
    products,
    runs,
    tenants,
    users,
)


def init_app(app: Flask) -> None:
    for group in (
        users.users,
        groups.groups,
        integrations.integrations,
        tenants.tenants,
        runs.runs,
        licenses.licenses,
        products.products,
        organizations.organizations,
        contacts.contacts,
        assets.assets,
        api_keys.api_keys,
        audit.audit,
        doctor.doctor,
        backup.backup,
        encryption.encrypt_anew,
    ):
        app.cli.add_command(group)
