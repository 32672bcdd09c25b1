"""What every answer carries for the browser's protection, and the cookie's."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Tabler's stylesheet draws its ticks and arrows from data: images.
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class _Signer(TimestampSigner):
    """What a server whose clock is ahead signed just now is of age 0, and not refused for having been signed later."""

    def unsign(  # type: ignore[override]
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> tuple[bytes, datetime] | bytes:
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        if max_age is not None and self.get_timestamp() - signed_at.timestamp() > max_age:
            raise SignatureExpired("The cookie is too old.", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value


class CookieSession(SecureCookieSessionInterface):
    """The session's cookie.

    It is Secure whenever the request came by HTTPS, so that a laptop without it works all the same. Servers whose
    clocks differ take each other's; how long somebody stays signed in, the database tells.
    """

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _Signer
        return serializer


def init_app(app: Flask) -> None:
    app.session_interface = CookieSession()
    # The cookie is sent when it changes. Sent with every answer, a late one to another tab would bring back the cookie
    # that a sign-in has just replaced.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    # A page and the partial of the same address must not be taken for one another, by Back or by a proxy.
    response.vary.add("HX-Request")
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
