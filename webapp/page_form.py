"""What all forms have in common: a field holds text, and a field for files holds files, whatever a request sends."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import CombinedMultiDict, MultiDict


class PageForm(FlaskForm):
    """A form that is filled with what a page sends.

    Flask-WTF would fill it with JSON, too, whose values may be numbers, lists or halves of characters, and the field
    for a name with a file of that name. No page sends either, and nothing that cleans or stores text expects it.
    """

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: PageForm, formdata: Any) -> MultiDict[str, Any] | None:
            """What fills the form: what was given for it, or else what the request sent, if it sent anything."""
            if formdata is None or isinstance(formdata, MultiDict):
                return formdata
            if not form.is_submitted():
                return None
            names = [field.name for field in form if isinstance(field, FileField)]
            files = MultiDict((name, file) for name in names for file in request.files.getlist(name))
            return CombinedMultiDict([files, request.form]) if files else request.form or None
