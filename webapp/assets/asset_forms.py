"""The form of an asset, made of its type's fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wtforms import BooleanField, Field, Form, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from ..form_checks import checked, cleaned
from ..meanwhile import Meanwhile
from ..models import AssetField, FieldKind
from ..page_form import PageForm
from ..search import row_ids
from ..text import name as as_name
from .contacts import Offered, Option
from .limits import LONGEST_ASSET_NAME, LONGEST_TEXT, MOST_TAGS
from .recording import Entered
from .values import read

_WIDGETS: dict[FieldKind, tuple[type[Field], dict[str, Any]]] = {
    FieldKind.TEXT: (TextAreaField, {"rows": 2, "maxlength": LONGEST_TEXT}),
    FieldKind.NUMBER: (StringField, {"inputmode": "decimal", "autocomplete": "off"}),
    FieldKind.DATE: (StringField, {"type": "date"}),
    FieldKind.CHECKBOX: (BooleanField, {}),
    FieldKind.SELECT: (SelectField, {}),
    FieldKind.CONTACTS: (SelectMultipleField, {}),
}


class AssetForm:
    """A form over the fields of a type, filled with what an asset holds, or empty; with what a request sent, if it did.

    `form` is the WTForms form. What a field may hold is decided in `values.read`.
    """

    def __init__(self, fields: Sequence[AssetField], stored: Entered, known: Callable[[set[int]], set[int]]) -> None:
        # Of a kind that a newer version knows nothing is shown, and nothing is changed.
        self.fields = [field for field in fields if field.kind in _WIDGETS]
        self._stored = stored
        self._known = known
        self.form = self._made()
        self.meanwhile = Meanwhile(self.form)

    @property
    def rows(self) -> list[tuple[AssetField, Field]]:
        return [(field, self.form[_key(field)]) for field in self.fields]

    @property
    def chosen_contacts(self) -> set[int]:
        rows = [row for field, row in self.rows if field.kind == FieldKind.CONTACTS]
        return {contact_id for row in rows for contact_id in row_ids(row.data or ())}

    def offer(self, offered: Offered, found: Sequence[Option] = (), field_id: int | None = None) -> None:
        """Give the contact fields their options: beside those that are offered what was found for one of them."""
        for field, row in self.rows:
            if field.kind == FieldKind.CONTACTS:
                options = offered.for_field(row_ids(row.data or ()), found if field.id == field_id else ())
                row.choices = [SelectChoice(str(option.id), option.text) for option in options]

    def entered(self) -> Entered:
        """What was entered, after it was validated."""
        content: dict[str, Any] = {}
        tags: dict[int, frozenset[int]] = {}
        for field, row in self.rows:
            if field.kind == FieldKind.CONTACTS:
                tags[field.id] = frozenset(row_ids(row.data or ()))
            elif field.kind == FieldKind.CHECKBOX:
                content[str(field.id)] = bool(row.data)
            elif row.data:
                content[str(field.id)] = row.data
        return Entered(self.form["name"].data, content, tags)

    def told(self, words: Sequence[str]) -> dict[str, str]:
        """Words of the name and of each field, by the names of the form's fields."""
        return dict(zip(["name", *map(_key, self.fields)], words, strict=True))

    def _made(self) -> PageForm:
        members: dict[str, Field] = {
            "name": StringField(
                "Name",
                validators=[checked(_name)],
                render_kw={"maxlength": LONGEST_ASSET_NAME, "autocomplete": "off"},
            )
        }
        data: dict[str, Any] = {"name": self._stored.name}
        for field in self.fields:
            widget, attributes = _WIDGETS[field.kind]
            value = self._stored.content.get(str(field.id))
            options: dict[str, Any] = {}
            if field.kind == FieldKind.SELECT:
                options = {"choices": _choices(field, value), "validate_choice": False}
            elif field.kind == FieldKind.CONTACTS:
                options = {"choices": [], "validate_choice": False}
                value = [str(contact_id) for contact_id in self._stored.tags.get(field.id, ())]
            members[_key(field)] = widget(
                field.name, validators=[self._validator(field, value)], render_kw=dict(attributes), **options
            )
            data[_key(field)] = value
        form: PageForm = type("FieldsOfType", (PageForm,), members)(data=data)
        return form

    def _validator(self, field: AssetField, stored: Any) -> Callable[[Form, Field], None]:
        def check(form: Form, row: Field) -> None:
            if field.kind == FieldKind.CONTACTS:
                self._check_contacts(field, row)
            elif field.kind != FieldKind.CHECKBOX:
                row.data = cleaned(row, lambda typed: read(field, typed, stored))

        return check

    def _check_contacts(self, field: AssetField, row: Field) -> None:
        sent = row.data or []
        ids = set(row_ids(sent))
        if field.is_required and not sent:
            raise StopValidation("Choose at least one contact.")
        if len(ids) > MOST_TAGS:
            raise StopValidation(f"These are {len(ids):,} contacts; a field may have {MOST_TAGS}.")
        if len(ids) != len(set(sent)) or self._known(ids) != ids:
            raise StopValidation("Choose contacts of this organization: one that was chosen is none, or not any more.")


def _name(text: str) -> str:
    name = as_name(text, LONGEST_ASSET_NAME)
    if not name:
        raise ValueError("Give it a name, by which it is found in lists.")
    return name


def _choices(field: AssetField, stored: Any) -> list[SelectChoice]:
    options = [SelectChoice("", "–"), *(SelectChoice(option, option) for option in field.options)]
    if stored and stored not in field.options:
        options.append(SelectChoice(str(stored), f"{stored} (no longer offered)"))
    return options


def _key(field: AssetField) -> str:
    return f"field_{field.id}"
