"""The forms of users and groups. Organizations, groups and members are chosen beside them (see picker.py)."""

from __future__ import annotations

from typing import Any

from wtforms import EmailField, Field, RadioField, SelectChoice, StringField, ValidationError
from wtforms.validators import InputRequired

from ..access import takes_all
from ..auth import accounts
from ..form_checks import checked
from ..models import Role, User, UserGroup
from ..page_form import PageForm
from . import groups
from .refused import LITE_TAKES_NO_ALL

ALL, CHOSEN = "all", "chosen"
_EVERY = SelectChoice(ALL, "All organizations, also those that come later")
_WHICH = [_EVERY, SelectChoice(CHOSEN, "Only those chosen here, and those of the groups")]
_ROLES = [SelectChoice(role.value, role.label) for role in Role]
_GROUPS_WHICH = [_EVERY, SelectChoice(CHOSEN, "Only those chosen here")]


class RightsForm(PageForm):
    """A user's role and organizations."""

    role = RadioField("Role", [InputRequired("Choose a role.")], choices=_ROLES)
    which = RadioField(
        "Which organizations", [InputRequired("Choose which organizations.")], choices=_WHICH, default=CHOSEN
    )

    def __init__(self, user: User | None = None) -> None:
        stored: dict[str, Any] = {}
        if user is not None:
            stored = {"role": user.role.value, "which": ALL if user.all_organizations else CHOSEN}
        super().__init__(data=stored)

    @property
    def chosen_role(self) -> Role:
        return Role(self.role.data)

    def validate_which(self, field: Field) -> None:
        if field.data == ALL and self.role.data and not self.role.errors and not takes_all(Role.of(self.role.data)):
            raise ValidationError(LITE_TAKES_NO_ALL)


class InviteForm(RightsForm):
    email = EmailField(
        "E-mail address",
        [InputRequired("Enter the e-mail address of who is to sign in with it."), checked(accounts.normal_address)],
        filters=[lambda text: (text or "").strip()],
        render_kw={"maxlength": accounts.ADDRESS_MAX, "autocomplete": "off"},
    )


class GroupForm(PageForm):
    name = StringField(
        "Name", [checked(groups.fit_name)], render_kw={"maxlength": groups.LONGEST_NAME, "autocomplete": "off"}
    )
    which = RadioField("Which organizations", [InputRequired("Choose which.")], choices=_GROUPS_WHICH, default=CHOSEN)

    def __init__(self, group: UserGroup | None = None) -> None:
        stored: dict[str, Any] = {}
        if group is not None:
            stored = {"name": group.name, "which": ALL if group.all_organizations else CHOSEN}
        super().__init__(data=stored)
