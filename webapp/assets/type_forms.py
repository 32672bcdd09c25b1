"""The forms of flexible asset types and of their fields."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, StopValidation

from ..extensions import db
from ..form_checks import cleaned
from ..models import AssetField, FieldKind, FlexibleAssetType, fold
from ..page_form import PageForm
from ..text import name as as_name
from ..text import one_line
from . import fields, types
from .icons import ICONS
from .limits import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_OPTIONS


class _Named(PageForm):
    name = StringField("Name", render_kw={"maxlength": LONGEST_NAME, "autocomplete": "off"})

    def validate_name(self, field: StringField) -> None:
        field.data = cleaned(field, lambda text: as_name(text, LONGEST_NAME))
        if not field.data:
            raise StopValidation("Give it a name.")
        self.refuse_taken(field.data)

    def refuse_taken(self, name: str) -> None:
        raise NotImplementedError


class TypeForm(_Named):
    """What is checked here holds until the transaction ends."""

    icon = RadioField(
        "Icon",
        [InputRequired("Choose an icon.")],
        choices=[SelectChoice(*item) for item in ICONS.items()],
        default="box",
    )
    description = TextAreaField("Description", render_kw={"rows": 2, "maxlength": LONGEST_DESCRIPTION})

    def __init__(self, kind: FlexibleAssetType | None = None) -> None:
        super().__init__(obj=kind)
        self._own_id = None if kind is None else kind.id

    def refuse_taken(self, name: str) -> None:
        FlexibleAssetType.hold_names(db.session)
        if types.is_taken(db.session, name, besides=self._own_id):
            raise ValidationError("There is a type with this name already, among the archived ones perhaps.")

    def validate_description(self, field: TextAreaField) -> None:
        field.data = one_line(field.data or "")
        if len(field.data) > LONGEST_DESCRIPTION:
            raise ValidationError(f"This has {len(field.data):,} characters; it may have {LONGEST_DESCRIPTION}.")


class FieldForm(_Named):
    kind = SelectField("Kind", choices=[SelectChoice(kind.value, kind.label) for kind in FieldKind])
    is_required = BooleanField("Required")
    options = TextAreaField("Options", render_kw={"rows": 6, "autocomplete": "off"})

    def __init__(self, held: FlexibleAssetType, field: AssetField | None = None) -> None:
        super().__init__(data=_shown(field))
        self._type = held
        self._own_id = None if field is None else field.id

    def refuse_taken(self, name: str) -> None:
        if fields.is_taken(self._type, name, besides=self._own_id):
            raise ValidationError("Another field of this type has this name. Every asset has the field Name anyway.")

    def validate_options(self, field: TextAreaField) -> None:
        """Of a select: the options, one a line; of other kinds there are none."""
        if self.kind.data != FieldKind.SELECT:
            self.chosen_options: list[str] = []
            return
        lines = [text for text in map(one_line, (field.data or "").splitlines()) if text]
        # Before they are folded, which takes long for a long one of marks alone.
        too_long = next((text for text in lines if len(text) > LONGEST_NAME), None)
        if too_long is not None:
            raise ValidationError(f"An option may have {LONGEST_NAME} characters; “{too_long[:40]}…” has more.")
        # Of those that look alike, which nobody could tell apart, the first is kept.
        different: dict[str, str] = {}
        for text in lines:
            different.setdefault(fold(text), text)
        self.chosen_options = list(different.values())
        if not self.chosen_options:
            raise ValidationError("Type what may be chosen, one option a line.")
        if len(self.chosen_options) > MOST_OPTIONS:
            raise ValidationError(f"These are {len(self.chosen_options):,} options; there may be {MOST_OPTIONS}.")


def _shown(field: AssetField | None) -> dict[str, Any]:
    if field is None:
        return {}
    options = "\n".join(field.options)
    return {"name": field.name, "kind": field.kind.value, "is_required": field.is_required, "options": options}
