"""The forms of this area. What is typed is checked by the functions of `fields`, which the commands use too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, Form, PasswordField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, InputRequired, StopValidation

from ..models import Cloud, Organization, Removal
from ..models.schedule import EVERY_HOURS, MANUAL_ONLY
from ..search import row_id
from . import fields, intervals
from .connecting import Refused

CREATE, EXISTING, LATER = "create", "existing", "later"


def checked(check: Callable[[str], str]) -> Callable[[Form, Field], None]:
    """A validator that keeps what the check makes of the text, or says what it says is wrong with it."""

    def validate(form: Form, field: Field) -> None:
        try:
            field.data = check(field.data or "")
        except ValueError as error:
            raise StopValidation(str(error)) from error

    return validate


def optional_secret(text: str) -> str:
    return fields.client_secret(text) if text.strip() else ""


# Browsers and password managers must neither fill these in nor correct them.
_PLAIN = {"autocomplete": "off", "autocapitalize": "off", "autocorrect": "off", "spellcheck": "false"}
_SECRET = {**_PLAIN, "autocomplete": "new-password", "maxlength": fields.SECRET_LENGTH}
_INTERVALS = [SelectChoice(hours, intervals.label(hours)) for hours in (*EVERY_HOURS, MANUAL_ONLY)]
_CLOUDS = [SelectChoice(cloud.value, cloud.label) for cloud in Cloud]


class _ConnectionForm(FlaskForm):
    name = StringField(
        "Name", [checked(fields.name)], render_kw={"maxlength": fields.NAME_LENGTH, "autocomplete": "off"}
    )
    client_id = StringField("Client ID", [checked(fields.client_id)], render_kw=_PLAIN)
    cloud = SelectField("Cloud", choices=_CLOUDS, default=Cloud.GLOBAL.value)

    def point_at(self, refused: Refused) -> None:
        """Say beside the field that it is about why the connection was refused."""
        if refused.field in self._fields:
            field = self._fields[refused.field]
            field.errors = [*field.errors, refused.problem.reason]


class AddForm(_ConnectionForm):
    tenant = StringField("Tenant ID", [checked(fields.tenant)], render_kw=_PLAIN)
    client_secret = PasswordField("Client secret", [checked(fields.client_secret)], render_kw=_SECRET)
    placement = RadioField(
        "Organization",
        choices=[
            SelectChoice(CREATE, "Create an organization"),
            SelectChoice(EXISTING, "Use an existing organization"),
            SelectChoice(LATER, "Match it later"),
        ],
        default=CREATE,
    )
    organization = SelectField("Organization to use", validate_choice=False)

    def offer(self, organizations: Sequence[Organization]) -> None:
        """Fill the list of organizations to choose from."""
        self.organization.choices = [
            SelectChoice("", "Choose an organization"),
            *(SelectChoice(str(organization.id), organization.name) for organization in organizations),
        ]

    def offer_also(self, organization: Organization) -> None:
        """Add one to the list: it was found by typing, and must be in it to be shown as chosen."""
        if all(choice.value != str(organization.id) for choice in self.organization.choices):
            self.organization.choices.append(SelectChoice(str(organization.id), organization.name))

    @property
    def organization_id(self) -> int | None:
        return row_id(self.organization.data or "")


class EditForm(_ConnectionForm):
    client_secret = PasswordField("New client secret", [checked(optional_secret)], render_kw=_SECRET)


class RemoveForm(FlaskForm):
    what = RadioField(
        "What becomes of its data",
        choices=[SelectChoice(removal.value, removal.label) for removal in Removal],
        validate_choice=False,
        validators=[AnyOf([removal.value for removal in Removal], "Choose what becomes of its data.")],
    )
    name = StringField(
        "Type the integration's name to confirm",
        [InputRequired("Type the integration's name, to confirm that this is the one to remove.")],
        render_kw=_PLAIN,
    )


class SettingsForm(FlaskForm):
    sync_licenses = BooleanField("Licenses")
    sync_every_hours = SelectField("Automatic sync", coerce=int, choices=_INTERVALS)
