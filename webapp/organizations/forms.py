"""The form of an organization."""

from __future__ import annotations

import unicodedata

from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError
from wtforms.validators import DataRequired, Length

from ..extensions import db
from ..models import Organization
from ..search import clean
from .queries import is_taken

LONGEST_NAME = 200


def tidied(name: str | None) -> str:
    """A name on one line: without control characters, and with single spaces."""
    spaced = "".join(" " if character in "\t\r\n" else character for character in clean(name or ""))
    visible = "".join(character for character in spaced if unicodedata.category(character) != "Cc")
    return " ".join(visible.split())


class OrganizationForm(FlaskForm):
    name = StringField(
        "Name",
        filters=[tidied],
        validators=[
            DataRequired("Enter the organization's name."),
            Length(max=LONGEST_NAME, message=f"Use at most {LONGEST_NAME} characters."),
        ],
    )

    def __init__(self, organization: Organization | None = None) -> None:
        super().__init__(obj=organization)
        self._own_id = None if organization is None else organization.id

    def validate_name(self, field: StringField) -> None:
        if is_taken(db.session, field.data, besides=self._own_id):
            raise ValidationError(
                "There is an organization with this name already. Choose another name, or use that one."
            )
