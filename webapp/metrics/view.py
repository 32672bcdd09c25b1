"""`/metrics`: for whoever has the token, and without one as if it were not there."""

from __future__ import annotations

import hmac

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from .collect import Everything

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def show() -> ResponseReturnValue:
    """All metrics. No session is read and no cookie set; what is away is said by `_up` metrics, not by an error."""
    token = current_app.config["SETTINGS"].metrics_token
    if not token:
        abort(404)
    given = request.authorization
    text = (given.token or "") if given is not None and given.type == "bearer" else ""
    if not hmac.compare_digest(text.encode(), token.encode()):
        refusal = "Send the token that METRICS_TOKEN holds, as `Authorization: Bearer TOKEN`.\n"
        return refusal, 401, {"Content-Type": "text/plain; charset=utf-8", "WWW-Authenticate": "Bearer"}
    # Not the library's own registry: one process's memory and threads are no figures of Seatledger as a whole.
    return generate_latest(Everything()), 200, {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
