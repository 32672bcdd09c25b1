"""Checking what was typed into a field by the function that cleans it, which pages and commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wtforms import Field, Form
from wtforms.validators import StopValidation

Clean = TypeVar("Clean")


def cleaned(field: Field, clean: Callable[[str], Clean]) -> Clean:
    """What the function makes of what was typed. What it says is wrong, as a `ValueError`, stands beside the field."""
    try:
        return clean(field.data or "")
    except ValueError as error:
        raise StopValidation(str(error)) from error


def checked(clean: Callable[[str], str]) -> Callable[[Form, Field], None]:
    """A validator that keeps what the function makes of what was typed."""

    def validate(form: Form, field: Field) -> None:
        field.data = cleaned(field, clean)

    return validate
