"""The steps of an import that are the same whatever is imported: taking the file, dropping it, asking for it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from flask import flash, redirect, url_for
from flask_login import current_user
from flask_wtf.file import FileField
from werkzeug.wrappers import Response

from ..extensions import db
from ..models import ImportKind, PendingImport
from ..models.base import DbSession
from . import waiting
from .decoding import NotReadable

Content = TypeVar("Content")


def receive(
    field: FileField,
    read: Callable[[BinaryIO], Content],
    keep: Callable[[DbSession, int, str, Content], PendingImport],
) -> int | None:
    """Read the uploaded file and keep it for its dry run, whose id is returned; None where the field says why not."""
    user_id = current_user.id
    db.session.rollback()  # nobody else waits while the file is read
    try:
        content = read(field.data.stream)
    except NotReadable as error:
        field.errors = [str(error)]
        return None
    pending = keep(db.session, user_id, field.data.filename, content)
    db.session.commit()
    return pending.id


def discard(kind: ImportKind, pending_id: int, list_endpoint: str) -> Response:
    """Forget the user's upload, and go back to the list."""
    waiting.take(db.session, current_user.id, kind, pending_id)
    db.session.commit()
    flash("The file was discarded. Nothing was changed.", "info")
    return redirect(url_for(list_endpoint))


def ask_again(upload_endpoint: str) -> Response:
    flash("That file was imported, discarded or replaced by another one, or a day has passed. Choose it again.", "info")
    return redirect(url_for(upload_endpoint))
