"""The fields of the user rules, which the settings of an integration and of one tenant share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from wtforms import BooleanField, Field, RadioField
from wtforms.fields.choices import SelectChoice

from ..models import UserSync
from ..models.user_rules import UserRules
from ..page_form import PageForm
from .offered_licenses import OfferedLicense, only_offered
from .user_choice import RefusedChoice, sound


class SentValues(Field):
    """All values that were sent under its name, whatever they are."""

    data: list[str]

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        self.data = [str(value) for value in valuelist]


class UserRulesForm(PageForm):
    RULES = ("sync_users", "include_guests", "include_blocked", "include_unlicensed", "sku_ids")
    # Users without a license are a question only where all become contacts.
    DECIDES: ClassVar[Mapping[str, Collection[str]]] = {"sync_users": ("include_unlicensed",)}

    sync_users = RadioField(
        "Users → contacts",
        choices=[SelectChoice(mode.value, mode.label) for mode in UserSync],
        validate_choice=False,
    )
    include_guests = BooleanField("Guests")
    include_blocked = BooleanField("Blocked accounts")
    include_unlicensed = BooleanField("Users without a license")
    sku_ids = SentValues("Checked licenses")

    def __init__(self, rules: UserRules, **others: Any) -> None:
        """The form of what is chosen so far, with what is stored in its other fields."""
        super().__init__(
            sync_users=rules.sync_users.value,
            include_guests=rules.include_guests,
            include_blocked=rules.include_blocked,
            include_unlicensed=rules.include_unlicensed,
            sku_ids=sorted(rules.checked),
            **others,
        )

    def told(self, name: str, offered: Sequence[OfferedLicense]) -> str | None:
        """What others saved of the checked licenses, of which there may be very many: those that differ from here."""
        if name != self.sku_ids.name:
            return None
        sent = {sku_id.strip().lower() for sku_id in self.sku_ids.data}
        differing = [license for license in offered if (license.sku_id in sent) != license.is_checked]
        return "\n".join(
            f"{license.name}: {'checked' if license.is_checked else 'not checked'}" for license in differing
        )

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
