"""The fields of the user rules, which the settings of an integration and of one tenant share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField
from wtforms.fields.choices import SelectChoice

from ..models import UserSync
from ..models.user_rules import UserRules
from .offered_licenses import OfferedLicense, only_offered
from .user_choice import RefusedChoice, sound


class SentValues(Field):
    """All values that were sent under its name, whatever they are."""

    data: list[str]

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        self.data = [str(value) for value in valuelist]


class UserRulesForm(FlaskForm):
    sync_users = RadioField(
        "Users → contacts",
        choices=[SelectChoice(mode.value, mode.label) for mode in UserSync],
        validate_choice=False,
    )
    include_guests = BooleanField("Guests")
    include_blocked = BooleanField("Blocked accounts")
    include_unlicensed = BooleanField("Users without a license")
    sku_ids = SentValues("Checked licenses", default=[])

    def show(self, rules: UserRules) -> None:
        """Fill the fields with what is chosen so far, where nothing was sent."""
        if self.is_submitted():
            return
        self.sync_users.data = rules.sync_users.value
        self.include_guests.data = rules.include_guests
        self.include_blocked.data = rules.include_blocked
        self.include_unlicensed.data = rules.include_unlicensed
        self.sku_ids.data = sorted(rules.checked)

    def rules(self, offered: Sequence[OfferedLicense]) -> UserRules | None:
        """What was chosen; None where it makes no sense, which then stands beside the field."""
        try:
            chosen = UserRules(
                UserSync.of(self.sync_users.data or ""),
                bool(self.include_guests.data),
                bool(self.include_blocked.data),
                bool(self.include_unlicensed.data),
                only_offered(self.sku_ids.data, offered),
            )
            return sound(chosen)
        except RefusedChoice as error:
            self.sku_ids.errors = [str(error)]
            return None
