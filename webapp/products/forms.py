"""The forms of this area."""

from __future__ import annotations

from wtforms import StringField

from ..form_checks import checked
from ..page_form import PageForm
from . import naming


class OwnNameForm(PageForm):
    own_name = StringField(
        "Own name",
        [checked(naming.own_name)],
        render_kw={"maxlength": naming.LONGEST_OWN_NAME, "autocomplete": "off"},
    )
