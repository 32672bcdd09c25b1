"""The form by which a file is uploaded, whatever it is imported as."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired

from ..page_form import PageForm


class UploadForm(PageForm):
    file = FileField("CSV file", [FileRequired("Choose the file first.")], render_kw={"accept": ".csv,.txt,text/csv"})
