"""The form of security settings, the same for licenses and for custom assets."""

from __future__ import annotations

from flask import request
from flask_login import current_user
from wtforms import BooleanField, RadioField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, StopValidation

from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import License
from ..page_form import PageForm
from ..search import row_ids
from . import security
from .limits import MOST_NAMED
from .security import Nameable, Record, Settings

_EVERYONE, _NAMED = "everyone", "named"

# Who is named counts only where only they may see it; whoever lets everyone see it takes the names away.
_DECIDES = {"who": ("users", "groups"), "users": ("who",), "groups": ("who",)}


class SecurityForm(PageForm):
    who = RadioField(
        "Who may see it",
        [InputRequired("Choose who may see it.")],
        choices=[
            SelectChoice(_EVERYONE, security.EVERYONE),
            SelectChoice(_NAMED, "Only the users and groups named here"),
        ],
    )
    users = SelectMultipleField("Users", choices=[], validate_choice=False)
    groups = SelectMultipleField("Groups", choices=[], validate_choice=False)
    confirm = BooleanField("I know that I will not see it any more")

    def __init__(self, record: Record, *, is_sent: bool) -> None:
        # Beside the form of an asset this one is shown, and not sent, whatever is.
        self._is_sent = is_sent
        self.stored = security.settings_of(db.session, record)
        super().__init__(
            formdata=request.form if is_sent else None,
            data={
                "who": _NAMED if self.stored.is_restricted else _EVERYONE,
                "users": [str(user_id) for user_id in self.stored.user_ids],
                "groups": [str(group_id) for group_id in self.stored.group_ids],
            },
        )
        organization_id = record.tenant.organization_id if isinstance(record, License) else record.organization_id
        self._organization_id = organization_id or 0
        self.asks_to_confirm = False
        self.meanwhile = Meanwhile(self)

    def is_submitted(self) -> bool:
        return self._is_sent

    def is_to_be_saved(self) -> bool:
        """Whether it was sent, and is as it may be saved. The caller holds the record's row."""
        return self.meanwhile.validate_on_submit(self._told, _DECIDES)

    @property
    def nameable(self) -> list[tuple[SelectMultipleField, list[Nameable]]]:
        """The users and the groups to choose from, those who are named first; each list with its field."""
        users = security.nameable_users(db.session, self._organization_id, self.stored)
        groups = security.nameable_groups(db.session, self._organization_id)
        named_users, named_groups = self.stored.user_ids, self.stored.group_ids
        return [
            (self.users, sorted(users, key=lambda user: user.id not in named_users)),
            (self.groups, sorted(groups, key=lambda group: group.id not in named_groups)),
        ]

    @property
    def settings(self) -> Settings:
        """The settings that were sent. Who is named counts only where only they may see it."""
        if self.who.data != _NAMED:
            return Settings()
        users, groups = (frozenset(row_ids(field.data or ())) for field in (self.users, self.groups))
        return Settings(True, users, groups)

    def validate_users(self, field: SelectMultipleField) -> None:
        if self.who.data != _NAMED:
            return
        settings = self.settings
        sent = {*(self.users.data or ()), *(f"group {value}" for value in self.groups.data or ())}
        found = len(settings.user_ids) + len(settings.group_ids)
        if not sent:
            raise StopValidation(
                "Name at least one user or group, or choose everyone. Administrators and Managers see it in any case."
            )
        if len(sent) > MOST_NAMED:
            raise StopValidation(f"These are {len(sent):,}; {MOST_NAMED} may be named. Use a group.")
        if found != len(sent) or not security.exist(db.session, settings):
            raise StopValidation("A user or group that was chosen does not exist, or not any more. Choose again.")

    def validate_confirm(self, field: BooleanField) -> None:
        if self.users.errors or field.data or not security.locks_out(db.session, current_user, self.settings):
            return
        self.asks_to_confirm = True
        raise StopValidation(
            "You are not among those who are named, so that you would not see it any more yourself. Name yourself, "
            "or confirm."
        )

    def _told(self, name: str) -> str | None:
        """By their names who is named now."""
        for field, options in self.nameable:
            if field.name == name:
                return "\n".join(option.name for option in options if str(option.id) in field.object_data)
        return None
