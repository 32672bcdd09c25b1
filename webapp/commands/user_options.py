"""The options that say which users become contacts, of an integration and of one tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import click
from sqlalchemy import ColumnElement

from ..extensions import db
from ..integrations import offered_licenses
from ..integrations.user_choice import RefusedChoice, sound
from ..models import UserSync
from ..models.user_rules import UserRules
from ..text import one_line

_OPTIONS = (
    click.option("--users/--no-users", default=None, help="Whether all users become contacts, or none."),
    click.option(
        "--users-with",
        multiple=True,
        metavar="SKU",
        help="Only users who hold this license: its part number, SKU id or friendly name. May be repeated.",
    ),
    click.option("--guests/--no-guests", default=None, help="Whether guests are included."),
    click.option("--blocked/--no-blocked", default=None, help="Whether accounts that may not sign in are included."),
    click.option(
        "--unlicensed/--no-unlicensed", default=None, help="Whether users without a license are; goes with --users."
    ),
)


@dataclass(frozen=True)
class UserOptions:
    """What was said on the command line; None leaves it as it is."""

    users: bool | None
    users_with: tuple[str, ...]
    guests: bool | None
    blocked: bool | None
    unlicensed: bool | None

    @property
    def is_given(self) -> bool:
        return bool(self.users_with) or any(
            value is not None for value in (self.users, self.guests, self.blocked, self.unlicensed)
        )

    def applied_to(self, rules: UserRules, tenants: ColumnElement[bool]) -> UserRules:
        """The rules with what was said changed. Licenses are looked for among those of the tenants first."""
        if self.users is not None and self.users_with:
            raise click.UsageError("Use one of --users, --no-users and --users-with.")
        try:
            if self.users_with:
                checked = offered_licenses.named(db.session, tenants, self.users_with)
                rules = replace(rules, sync_users=UserSync.LICENSED, checked=checked)
            elif self.users is not None:
                rules = replace(rules, sync_users=UserSync.ALL if self.users else UserSync.OFF)
            if self.unlicensed and rules.sync_users != UserSync.ALL:
                raise click.UsageError("--unlicensed goes with --users: other users hold a license, or are not synced.")
            return sound(
                replace(
                    rules,
                    include_guests=_either(self.guests, rules.include_guests),
                    include_blocked=_either(self.blocked, rules.include_blocked),
                    include_unlicensed=_either(self.unlicensed, rules.include_unlicensed),
                )
            )
        except RefusedChoice as error:
            raise click.ClickException(str(error)) from error


def user_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the options; it gets them together as `user_options`."""

    @wraps(command)
    def run(
        *args: Any,
        users: bool | None,
        users_with: tuple[str, ...],
        guests: bool | None,
        blocked: bool | None,
        unlicensed: bool | None,
        **kwargs: Any,
    ) -> Any:
        given = UserOptions(users, users_with, guests, blocked, unlicensed)
        return command(*args, user_options=given, **kwargs)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def sentence(rules: UserRules) -> str:
    """Which users become contacts, for a terminal."""
    if rules.sync_users == UserSync.OFF:
        return "off"
    if rules.sync_users == UserSync.LICENSED:
        licenses = offered_licenses.offered(db.session, offered_licenses.NONE, rules.checked)
        names = ", ".join(f"{one_line(license.name)} ({license.sku_id})" for license in licenses)
        said = f"those who hold {names}"
    else:
        said = rules.sync_users.label.lower()
    included = [
        word
        for word, is_included in (
            ("guests", rules.include_guests),
            ("blocked accounts", rules.include_blocked),
            ("unlicensed users", rules.include_unlicensed),
        )
        if is_included
    ]
    return f"{said}; with {', '.join(included)}" if included else said


def _either(given: bool | None, before: bool) -> bool:
    return before if given is None else given
