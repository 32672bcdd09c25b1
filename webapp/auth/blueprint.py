"""The blueprint that all views of this area hang on, and what they share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from ..page_form import PageForm
from . import accounts

bp = Blueprint("auth", __name__)


def form_page(template: str, form: PageForm, **values: Any) -> ResponseReturnValue:
    """The form: empty at first, or as it was sent, with what is wrong with it, starting at the first such field."""
    focus = next(iter(form.errors or form.data))
    page = render_template(template, form=form, focus=focus, password_rule=accounts.PASSWORD_RULE, **values)
    return page, 422 if form.is_submitted() else 200
