"""The forms of a contact: one with everything, one with what stays open where the rest is locked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, StringField, TextAreaField
from wtforms.validators import StopValidation

from ..models import Contact
from ..text import one_line
from . import records
from .records import Details

_LINE = {"maxlength": records.LONGEST_TEXT, "autocomplete": "off"}
_NUMBER = {"maxlength": records.LONGEST_NUMBER, "autocomplete": "off"}
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class OwnFieldsForm(FlaskForm):
    """What no sync ever changes. Whatever else is sent is as if it were not."""

    location = StringField("Location", render_kw=_LINE)
    notes = TextAreaField("Notes", render_kw={"rows": 6, "maxlength": records.LONGEST_NOTES})

    def __init__(self, contact: Contact) -> None:
        super().__init__(obj=contact)
        self._stored = records.stored(contact)

    @property
    def details(self) -> Details:
        """The contact with what was typed, once that has proved to be right."""
        own = _own(self)
        return replace(self._stored, location=own["location"], notes=own["notes"])

    def validate_location(self, field: Field) -> None:
        _check(field, records.clean_line)

    def validate_notes(self, field: Field) -> None:
        _check(field, records.clean_notes)


class ContactForm(FlaskForm):
    name = StringField("Name", render_kw=_LINE)
    first_name = StringField("First name", render_kw=_LINE)
    last_name = StringField("Last name", render_kw=_LINE)
    title = StringField("Title", render_kw=_LINE)
    phone = StringField("Phone", render_kw=_NUMBER)
    mobile = StringField("Mobile", render_kw=_NUMBER)
    email = EmailField("E-mail", render_kw={"maxlength": records.LONGEST_ADDRESS, **_PLAIN})
    emails = TextAreaField("Other e-mail addresses", render_kw={"rows": 3, **_PLAIN})
    user_principal_name = StringField("User principal name", render_kw={**_LINE, **_PLAIN})
    location = StringField("Location", render_kw=_LINE)
    notes = TextAreaField("Notes", render_kw={"rows": 6, "maxlength": records.LONGEST_NOTES})

    def __init__(self, contact: Contact | None = None) -> None:
        given: dict[str, Any] = {}
        if contact is not None:
            details = records.stored(contact)
            first, others = details.emails[:1], details.emails[1:]
            given = {**vars(details), "email": "".join(first), "emails": "\n".join(others)}
        super().__init__(data=given)

    @property
    def details(self) -> Details:
        """What was typed, once it has proved to be right."""
        clean = records.clean_line
        first_name, last_name = clean(_text(self.first_name)), clean(_text(self.last_name))
        return Details(
            name=clean(_text(self.name)) or f"{first_name} {last_name}".strip(),
            first_name=first_name,
            last_name=last_name,
            title=clean(_text(self.title)),
            phone=clean(_text(self.phone), records.LONGEST_NUMBER),
            mobile=clean(_text(self.mobile), records.LONGEST_NUMBER),
            emails=records.each_once(
                [records.clean_address(_text(self.email)), *records.clean_addresses(_text(self.emails))]
            ),
            user_principal_name=clean(_text(self.user_principal_name)),
            **_own(self),
        )

    def validate_name(self, field: Field) -> None:
        _check(field, records.clean_line)
        if not any(one_line(_text(part)) for part in (field, self.first_name, self.last_name)):
            raise StopValidation("Enter the contact's name, or the first or last name.")

    def validate_phone(self, field: Field) -> None:
        _check(field, lambda text: records.clean_line(text, records.LONGEST_NUMBER))

    def validate_first_name(self, field: Field) -> None:
        _check(field, records.clean_line)

    def validate_email(self, field: Field) -> None:
        _check(field, records.clean_address)

    def validate_emails(self, field: Field) -> None:
        _check(field, records.clean_addresses)

    def validate_notes(self, field: Field) -> None:
        _check(field, records.clean_notes)

    validate_last_name = validate_title = validate_user_principal_name = validate_location = validate_first_name
    validate_mobile = validate_phone


def _own(form: OwnFieldsForm | ContactForm) -> dict[str, str]:
    return {"location": records.clean_line(_text(form.location)), "notes": records.clean_notes(_text(form.notes))}


def _text(field: Field) -> str:
    return field.data or ""


def _check(field: Field, clean: Callable[[str], object]) -> None:
    try:
        clean(_text(field))
    except ValueError as error:
        raise StopValidation(str(error)) from error
