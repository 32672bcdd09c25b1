"""What a list is narrowed and sorted by, as its address holds it: so an address is a saved view."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from flask import request, url_for


@dataclass(frozen=True)
class SavedView:
    """A view of the list that this request is for. Whatever it is made of has a default; among it is a `page`."""

    def parameters(self) -> dict[str, Any]:
        """The parameters of this view's address: only what is not as it is by default."""
        default = type(self)()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(default, name)}

    def address(self, file_format: str | None = None, **changes: Any) -> str:
        """The address of the list with some of its view changed. A change goes back to the first page."""
        parameters = replace(self, **{"page": 1, **changes}).parameters()
        return url_for(request.endpoint or "", **(request.view_args or {}), **parameters, format=file_format)
