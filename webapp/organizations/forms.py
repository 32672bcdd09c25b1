"""The forms of organizations."""

from __future__ import annotations

from typing import Any

from wtforms import Field, StringField, TextAreaField
from wtforms.validators import ValidationError

from ..extensions import db
from ..form_checks import cleaned
from ..integrations.matching import take_turns
from ..models import Organization
from ..models.organization import LONGEST_NAME
from ..page_form import PageForm
from ..scope import Scope
from . import records
from .queries import named

_CUT = {"autocomplete": "off"}


class OrganizationForm(PageForm):
    """What is checked here holds until the transaction ends."""

    name = StringField("Name", render_kw={"maxlength": LONGEST_NAME, "required": True, **_CUT})
    address = TextAreaField("Address", render_kw={"rows": 4, "maxlength": records.LONGEST_ADDRESS, **_CUT})
    phone = StringField("Phone", render_kw={"maxlength": records.LONGEST_PHONE, **_CUT})
    domains = TextAreaField("Domains", render_kw={"rows": 4, "spellcheck": "false", "autocapitalize": "off", **_CUT})

    def __init__(self, scope: Scope, organization: Organization | None = None) -> None:
        given: dict[str, Any] = {}
        if organization is not None:
            details = records.stored(organization)
            given = {**vars(details), "domains": "\n".join(details.domains)}
        super().__init__(data=given)
        self._scope = scope
        self._own_id = None if organization is None else organization.id

    @property
    def details(self) -> records.Details:
        """What was typed, once it has proved to be right."""
        fields = (self.name, self.address, self.phone, self.domains)
        return records.clean(*(field.data or "" for field in fields))

    def validate_name(self, field: Field) -> None:
        name = cleaned(field, records.clean_name)
        take_turns(db.session)
        other = named(db.session, self._scope, name, besides=self._own_id)
        if other is None:
            return
        if other.is_archived:
            raise ValidationError(
                "An archived organization has this name. Choose another name, or bring that one back."
            )
        raise ValidationError("There is an organization with this name already. Choose another name, or use that one.")

    def validate_address(self, field: Field) -> None:
        cleaned(field, records.clean_address)

    def validate_phone(self, field: Field) -> None:
        cleaned(field, records.clean_phone)

    def validate_domains(self, field: Field) -> None:
        cleaned(field, records.clean_domains)
