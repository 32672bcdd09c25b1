"""The form of an organization."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError
from wtforms.validators import DataRequired, Length

from ..extensions import db
from ..integrations.matching import take_turns
from ..models import Organization
from ..models.organization import LONGEST_NAME
from ..text import one_line
from .queries import is_taken


class OrganizationForm(FlaskForm):
    """What is checked here holds until the transaction ends."""

    name = StringField(
        "Name",
        filters=[lambda name: one_line(name or "")],
        validators=[
            DataRequired("Enter the organization's name."),
            Length(max=LONGEST_NAME, message=f"Use at most {LONGEST_NAME} characters."),
        ],
    )

    def __init__(self, organization: Organization | None = None) -> None:
        super().__init__(obj=organization)
        self._own_id = None if organization is None else organization.id

    def validate_name(self, field: StringField) -> None:
        take_turns(db.session)
        if is_taken(db.session, field.data, besides=self._own_id):
            raise ValidationError(
                "There is an organization with this name already. Choose another name, or use that one."
            )
