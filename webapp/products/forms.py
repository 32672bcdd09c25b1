"""The forms of this area."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import StringField
from wtforms.validators import StopValidation

from . import naming


class OwnNameForm(FlaskForm):
    own_name = StringField("Own name", render_kw={"maxlength": naming.LONGEST_OWN_NAME, "autocomplete": "off"})

    def validate_own_name(self, field: StringField) -> None:
        try:
            field.data = naming.own_name(field.data or "")
        except ValueError as error:
            raise StopValidation(str(error)) from error


class UploadForm(FlaskForm):
    file = FileField("CSV file", [FileRequired("Choose the file first.")], render_kw={"accept": ".csv,text/csv"})
