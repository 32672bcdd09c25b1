"""The forms of this area. What is typed is checked by the functions of `fields`, which the commands use too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from wtforms import BooleanField, Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, InputRequired, StopValidation
from wtforms.widgets import HiddenInput

from ..form_checks import checked
from ..models import Cloud, Kind, Organization, Removal
from ..models.schedule import EVERY_HOURS, MANUAL_ONLY
from ..page_form import PageForm
from ..search import row_id
from . import fields, intervals
from .adding import CannotAdd, lines_of
from .proof_form import PLAIN, ProofForm
from .rules_form import UserRulesForm
from .sync_settings import Override
from .trying import Refused

CREATE, EXISTING, LATER = "create", "existing", "later"


_INTERVALS = [SelectChoice(hours, intervals.label(hours)) for hours in (*EVERY_HOURS, MANUAL_ONLY)]
_CLOUDS = [SelectChoice(cloud.value, cloud.label) for cloud in Cloud]


class _ConnectionForm(ProofForm):
    name = StringField(
        "Name", [checked(fields.name)], render_kw={"maxlength": fields.NAME_LENGTH, "autocomplete": "off"}
    )
    client_id = StringField("Client ID", [checked(fields.client_id)], render_kw=PLAIN)
    cloud = SelectField("Cloud", choices=_CLOUDS, default=Cloud.GLOBAL.value)

    def point_at(self, refused: Refused) -> None:
        """Say beside the field that it is about why the connection was refused."""
        if refused.field in self._fields:
            field = self._fields[refused.field]
            field.errors = [*field.errors, refused.problem.reason]


class AddForm(_ConnectionForm):
    kind = RadioField(
        "Kind",
        choices=[SelectChoice(kind.value, kind.label) for kind in Kind],
        default=Kind.DIRECT.value,
        validate_choice=False,
        validators=[AnyOf([kind.value for kind in Kind], "Choose how the app reaches tenants.")],
    )
    tenant = StringField("Tenant ID", [checked(fields.tenant)], render_kw=PLAIN)
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


_GIVEN = ("client_secret", "certificate", "certificate_text", "secret_ends_on")


class EditForm(_ConnectionForm):
    """What is stored is kept where nothing new is given."""

    # Where others gave new credentials, or another kind of them, what is given here would replace them or be ignored.
    DECIDES: ClassVar[Mapping[str, Collection[str]]] = {
        "sign_in_with": _GIVEN,
        "credentials": ("sign_in_with", *_GIVEN),
        "secret_ends_on": ("client_secret",),
    }

    # Which credentials are stored, by a mark that tells nothing of them; the browser sends it back as it is.
    credentials = StringField("the credentials", widget=HiddenInput())


class AddTenantsForm(PageForm):
    """`lines` is what was typed, one entry a tenant, once the form is valid."""

    tenants = TextAreaField("Tenants", render_kw={**PLAIN, "rows": 10})
    lines: Sequence[str] = ()

    def validate_tenants(self, field: Field) -> None:
        try:
            self.lines = lines_of(field.data or "")
        except CannotAdd as error:
            raise StopValidation(str(error)) from error


class RemoveForm(PageForm):
    what = RadioField(
        "What becomes of its data",
        choices=[SelectChoice(removal.value, removal.label) for removal in Removal],
        validate_choice=False,
        validators=[AnyOf([removal.value for removal in Removal], "Choose what becomes of its data.")],
    )
    name = StringField(
        "Type the integration's name to confirm",
        [InputRequired("Type the integration's name, to confirm that this is the one to remove.")],
        render_kw=PLAIN,
    )


class TenantSettingsForm(UserRulesForm):
    DECIDES: ClassVar[Mapping[str, Collection[str]]] = {**UserRulesForm.DECIDES, "how": UserRulesForm.RULES}

    how = RadioField(
        "How it is synced",
        choices=[SelectChoice(how.value, how.label) for how in Override],
        validate_choice=False,
        validators=[AnyOf([how.value for how in Override], "Choose how it is synced.")],
    )


class SettingsForm(UserRulesForm):
    sync_licenses = BooleanField("Licenses")
    match_by_name = BooleanField("Match new tenants by exact name")
    sync_every_hours = SelectField("Automatic sync", coerce=int, choices=_INTERVALS)
