"""The forms of a contact: one with everything, one with what stays open where the rest is locked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wtforms import EmailField, Field, StringField, TextAreaField
from wtforms.validators import StopValidation

from ..models import Contact
from ..page_form import PageForm
from ..text import one_line
from . import records
from .records import Details

_LINE = {"maxlength": records.LONGEST_TEXT, "autocomplete": "off"}
_NUMBER = {"maxlength": records.LONGEST_NUMBER, "autocomplete": "off"}
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class OwnFieldsForm(PageForm):
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
        _check(field, _line)

    def validate_notes(self, field: Field) -> None:
        _check(field, _notes)


class ContactForm(PageForm):
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
        self._known: tuple[str, ...] = ()
        if contact is not None:
            details = records.stored(contact)
            self._known = details.emails
            first, others = details.emails[:1], details.emails[1:]
            given = {**vars(details), "email": "".join(first), "emails": "\n".join(others)}
        super().__init__(data=given)

    @property
    def details(self) -> Details:
        """What was typed, once it has proved to be right."""
        first_name, last_name = _line(self.first_name), _line(self.last_name)
        return Details(
            name=_line(self.name) or f"{first_name} {last_name}".strip(),
            first_name=first_name,
            last_name=last_name,
            title=_line(self.title),
            phone=_number(self.phone),
            mobile=_number(self.mobile),
            emails=records.each_once([self._address(self.email), *self._addresses(self.emails)]),
            user_principal_name=_line(self.user_principal_name),
            **_own(self),
        )

    def _address(self, field: Field) -> str:
        return records.clean_address(_text(field), self._known)

    def _addresses(self, field: Field) -> tuple[str, ...]:
        return records.clean_addresses(_text(field), self._known)

    def validate_name(self, field: Field) -> None:
        _check(field, _line)
        if not any(one_line(_text(part)) for part in (field, self.first_name, self.last_name)):
            raise StopValidation("Enter the contact's name, or the first or last name.")

    def validate_phone(self, field: Field) -> None:
        _check(field, _number)

    def validate_first_name(self, field: Field) -> None:
        _check(field, _line)

    def validate_email(self, field: Field) -> None:
        _check(field, self._address)

    def validate_emails(self, field: Field) -> None:
        _check(field, self._addresses)

    def validate_notes(self, field: Field) -> None:
        _check(field, _notes)

    validate_last_name = validate_title = validate_user_principal_name = validate_location = validate_first_name
    validate_mobile = validate_phone


def _own(form: OwnFieldsForm | ContactForm) -> dict[str, str]:
    return {"location": _line(form.location), "notes": _notes(form.notes)}


def _line(field: Field, longest: int = records.LONGEST_TEXT) -> str:
    """What was typed. What was left as it is stored stays so, however long: Microsoft's limits are others."""
    text = _text(field)
    return text if text == field.object_data else records.clean_line(text, longest)


def _number(field: Field) -> str:
    return _line(field, records.LONGEST_NUMBER)


def _notes(field: Field) -> str:
    return records.clean_notes(_text(field))


def _text(field: Field) -> str:
    return field.data or ""


def _check(field: Field, clean: Callable[[Field], object]) -> None:
    try:
        clean(field)
    except ValueError as error:
        raise StopValidation(str(error)) from error
