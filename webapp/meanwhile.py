"""Forms that two have open at once: what somebody else saved meanwhile stays, or is told before it is overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence

from flask import request
from wtforms import BooleanField, Field, HiddenField, SelectField, SelectMultipleField

from .page_form import PageForm
from .text import first_of


class Meanwhile:
    """What others saved of what a form edits, since it was opened.

    The form carries a hash of what each of its fields began with. It is made of what is stored now; whoever compares
    holds that until it is saved.
    """

    def __init__(self, form: PageForm) -> None:
        self._form = form
        self._is_compared = False
        # What others saved in fields that were changed here, too, by the names of the fields.
        self.clashes: dict[str, str] = {}

    @property
    def digests(self) -> dict[str, str]:
        """What the form carries of each field. Who only looked something up began with what they began with."""
        if self._form.is_submitted() and not self._is_compared:
            return {field.name: request.form.get(_was(field), "") for field in self._fields}
        return {field.name: _digest(_stored(field)) for field in self._fields}

    @property
    def fields_in_words(self) -> str:
        return first_of([self._form[name].label.text for name in self.clashes])

    @property
    def status(self) -> int:
        """What the page that shows the form is answered with."""
        if self.clashes:
            return 409
        return 422 if self._form.errors else 200

    def merge(
        self, told: Callable[[str], str | None] | None = None, decides: Mapping[str, Collection[str]] | None = None
    ) -> bool:
        """Take what others saved into the fields that were not touched here; whether no field was changed by both.

        `told` says what is stored in a field now, where the field itself does not know the words. `decides` names
        fields by which others count or not, with these: what was changed there would be lost with what others chose,
        so that the choice counts as changed by both.
        """
        self._is_compared = True
        touched, overtaken = set(), []
        for field in self._fields:
            stored, sent = _stored(field), _sent(field)
            began_with = request.form.get(_was(field))
            if sent == stored:
                continue
            # A form without the field, as one that was opened while it was locked, left it alone.
            if _digest(sent) != began_with and (began_with is not None or field.raw_data):
                touched.add(field.name)
            if _digest(stored) != began_with:
                overtaken.append(field)
        for field in overtaken:
            stored = _stored(field)
            if touched.isdisjoint({field.name, *(decides or {}).get(field.name, ())}):
                field.data, field.raw_data = field.object_data, stored
            else:
                words = told(field.name) if told else None
                self.clashes[field.name] = _in_words(field, stored) if words is None else words
        return not self.clashes

    def validate_on_submit(
        self, told: Callable[[str], str | None] | None = None, decides: Mapping[str, Collection[str]] | None = None
    ) -> bool:
        """Whether the form was sent, to be saved, with nothing that others changed, too, and nothing wrong.

        What they changed is taken first, so that what is looked at is what would be saved. See `merge`.
        """
        return self._form.is_submitted() and self.merge(told, decides) and bool(self._form.validate())

    @property
    def _fields(self) -> list[Field]:
        return [field for field in self._form if not isinstance(field, HiddenField)]


def _was(field: Field) -> str:
    return f"was_{field.name}"


def _stored(field: Field) -> list[str]:
    """What a browser sends of the field while nobody changes it."""
    data = field.object_data
    if isinstance(field, BooleanField):
        return ["y"] if data else []
    if isinstance(field, SelectMultipleField) or isinstance(data, list):
        return _normal(data or ())
    return _normal([] if data is None else [str(data)])


def _sent(field: Field) -> list[str]:
    """What came of the field; of files, which are never stored as they are, their names."""
    return _normal([getattr(value, "filename", value) for value in field.raw_data or () if value])


def _in_words(field: Field, stored: Sequence[str]) -> str:
    if isinstance(field, BooleanField):
        return "Yes" if stored else "No"
    choices = field.choices if isinstance(field, SelectField) else ()
    labels = {str(choice.value): str(choice.label) for choice in choices or ()}
    return "\n".join(labels.get(value, value) for value in stored)


def _normal(values: Sequence[str]) -> list[str]:
    """Values as they compare: browsers send line ends of their own, and several values in the order of the options."""
    return sorted(value.replace("\r\n", "\n") for value in values if value)


def _digest(values: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()[:16]
