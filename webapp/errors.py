"""Errors in the app's own look: a page, under HTMX a notice on the page that is there, JSON for who asks for it."""

from __future__ import annotations

import errno
import secrets
from dataclasses import replace
from math import ceil
from typing import Any

from flask import Flask, current_app, g, jsonify, make_response, render_template
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from htmx_flask import request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, default_exceptions
from werkzeug.wrappers import Response

from jobs.queue import NoWorker, QueueUnavailable, WorkersBusy
from logs.outages import REDIS_IS_AWAY

from . import schema_version
from .database import driver_s_words, forget_transaction, is_away
from .models import Problem
from .refusals import NO_FILE, refusal_of
from .schema_version import Fit, UnfitDatabase
from .text import count_of
from .troubles import MIXED_DATABASE, NO_DATABASE, NO_ROOM, OLDER_DATABASE, OUTDATED_FORM, TROUBLES, Trouble, trouble_of

RETRY_SECONDS = 5


def init_app(app: Flask) -> None:
    app.log_exception = _log_exception  # type: ignore[method-assign]
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _outdated_form)
    app.register_error_handler(InternalServerError, _internal_error)
    for error in (OperationalError, InterfaceError, NoConnectionFree):
        app.register_error_handler(error, _no_database)
    app.register_error_handler(ProgrammingError, _wrong_statement)
    app.register_error_handler(UnfitDatabase, _unfit_database)
    app.register_error_handler(OSError, _no_room)
    app.register_error_handler(ParseException, _malformed)
    for unavailable in (QueueUnavailable, NoWorker, WorkersBusy):
        app.register_error_handler(unavailable, _no_queue)


def wants_json() -> bool:
    """Whether a program asks, which takes JSON rather than a page; below /api/ nobody else does."""
    if _is_api():
        return True
    accepted = request.accept_mimetypes
    return request.args.get("format") == "json" or bool(accepted["application/json"] > accepted["text/html"])


def _is_api() -> bool:
    return bool(request.path.startswith("/api/"))


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    trouble = trouble_of(code, error.name, of_api=_is_api())
    retry_after = getattr(error, "retry_after", None)
    if isinstance(retry_after, int):
        trouble = replace(trouble, text=f"Try again {_in(retry_after)}. Until then every attempt is refused.")
    elif _says_why(error):
        trouble = replace(trouble, text=str(error.description))
    elif code == 413:
        trouble = replace(trouble, text=trouble.text.format(limit=(request.max_content_length or 0) // 1024 // 1024))
    answer = _answer(trouble)
    # Such as Allow and Retry-After; what the answer is, it says itself.
    answer.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return answer


def _outdated_form(error: CSRFError) -> Response:
    takes_get = "GET" in (request.url_rule.methods or ()) if request.url_rule else False
    return _answer(replace(OUTDATED_FORM, form_address=request.path if takes_get else ""))


def _internal_error(error: InternalServerError) -> Response:
    reference = g.get("error_reference") or _new_reference()
    return _answer(replace(TROUBLES[500], reference=reference, is_alone=True))


def _no_database(error: SQLAlchemyError) -> Response:
    forget_transaction()
    if isinstance(error, DBAPIError) and not is_away(error):
        return _wrong_statement(error)
    words = driver_s_words(error)
    current_app.logger.warning("The database does not answer at %s %r: %s", request.method, _path(), words)
    refusal = refusal_of(error)
    return _soon(_refused(refusal) if refusal else NO_DATABASE)


def _refused(refusal: Problem) -> Trouble:
    text = (
        f"Nothing was changed. Try again in a moment. If it lasts, this is for whoever runs this server: {refusal.fix}"
    )
    return replace(NO_DATABASE, title=refusal.reason.removesuffix("."), text=text)


def _wrong_statement(error: DBAPIError) -> Response:
    """What the database does not understand is a fault of ours, or it lacks what a migration is to give it."""
    forget_transaction()
    schema_version.look_again()
    try:
        schema_version.require_fit()
    except UnfitDatabase as unfit:
        return _unfit_database(unfit)
    raise error


def _unfit_database(error: UnfitDatabase) -> Response:
    current_app.logger.warning("%s", error)
    if error.found.has_no_file:
        return _soon(_refused(NO_FILE))
    # Of several versions it does not become one by itself.
    return _answer(MIXED_DATABASE) if error.found.fit is Fit.MIXED else _soon(OLDER_DATABASE)


def _no_room(error: OSError) -> Response:
    """A large upload is kept in a file while it is read."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    forget_transaction()
    current_app.logger.warning("There is no room for temporary files at %s %r: %s", request.method, _path(), error)
    return _soon(NO_ROOM)


def _malformed(error: ParseException) -> Response:
    """What is sent in chunks gunicorn reads only when it is asked for, and only then finds what is no chunk."""
    return _http_error(BadRequest())


def _soon(trouble: Trouble) -> Response:
    answer = _answer(trouble)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _no_queue(error: QueueUnavailable | NoWorker | WorkersBusy) -> Response:
    if isinstance(error, QueueUnavailable):
        current_app.logger.warning(REDIS_IS_AWAY, error.reason)
    return _answer(replace(TROUBLES[503], text=str(error)))


def _log_exception(exc_info: Any) -> None:
    """Log what was not expected, with the reference that its page will show."""
    g.error_reference = _new_reference()
    current_app.logger.error(
        "Reference %s: %s %r failed", g.error_reference, request.method, _path(), exc_info=exc_info
    )


def _path() -> str:
    """The path for the log, without the token of a link: whoever reads it there must not be let in by it."""
    token, path = (request.view_args or {}).get("token"), str(request.path)
    return path.replace(token, "...") if token else path


def _new_reference() -> str:
    return secrets.token_hex(4)


def _answer(trouble: Trouble) -> Response:
    if request.htmx and not (request.htmx.boosted or request.htmx.history_restore_request):
        answer = make_response(_render("errors/_notice.html", trouble), trouble.code)
        # The part of the page that was asked for stays as it is.
        answer.headers["HX-Retarget"] = "#notices"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer
    if wants_json():
        told = {"error": f"{trouble.title}. {trouble.text}"}
        return make_response(
            jsonify(told | ({"reference": trouble.reference} if trouble.reference else {})), trouble.code
        )
    return make_response(_render("errors/page.html", trouble), trouble.code)


def _render(template: str, trouble: Trouble) -> str:
    """The template, in the shell of who is signed in where that can be known; in plain text where all else fails."""
    try:
        if not trouble.is_alone and _is_signed_in():
            return render_template(template, trouble=trouble, layout="base.html")
        # Not by render_template, which asks the database who is signed in.
        return current_app.jinja_env.get_template(template).render(trouble=trouble, layout="bare.html")
    except Exception:
        current_app.logger.exception("The page of error %s cannot be shown", trouble.code)
        return " ".join((trouble.title + ".", trouble.text, trouble.reference))


def _is_signed_in() -> bool:
    try:
        return bool(current_user.is_authenticated and current_user.role)
    except SQLAlchemyError:
        forget_transaction()
        return False


def _says_why(error: HTTPException) -> bool:
    """Whether whoever raised it gave a reason of their own, in a sentence."""
    if isinstance(error, RateLimitExceeded) or not error.description:
        return False
    usual = default_exceptions.get(error.code or 0)
    return usual is None or error.description != usual.description


def _in(seconds: int) -> str:
    if seconds < 60:
        return f"in {count_of(seconds, 'second')}"
    minutes = ceil(seconds / 60)
    return f"in {minutes} minutes" if minutes > 1 else "in a minute"
