"""Where mail is handed over, who it comes from, and where its links lead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .errors import SettingError

_MAIL_PORTS = {"smtp": 587, "smtps": 465}
_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")


@dataclass(frozen=True)
class MailServer:
    """A mail server, and who hands over mail there; without a user, anybody may."""

    host: str
    port: int
    is_encrypted_from_start: bool
    user: str
    password: str = field(repr=False)


def checked(server: str, sender: str, public_url: str) -> dict[str, str]:
    """The three settings of mail. A link in a mail must not follow from the request, which can name any host."""
    public_url = _public_address(public_url)
    if server:
        read_mail_server(server)
        if not public_url:
            raise SettingError(
                "MAIL_SERVER needs PUBLIC_URL beside it: the address at which people open Seatledger, as in "
                "https://licenses.msp.example. The links in mails begin with it."
            )
        if not _MAIL_ADDRESS.fullmatch(sender):
            raise SettingError(
                "MAIL_SERVER needs MAIL_FROM beside it: the e-mail address that mails come from, as in "
                f"seatledger@msp.example. {'It is missing' if not sender else 'What it holds is none'}."
            )
    return {"mail_server": server, "mail_from": sender, "public_url": public_url}


def read_mail_server(url: str) -> MailServer:
    """The parts of `MAIL_SERVER`. Raises `SettingError`, which never tells the password."""
    wanted = "smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"MAIL_SERVER cannot be read. Give it as {wanted}.") from error
    if parts.scheme not in _MAIL_PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingError(
            f"MAIL_SERVER is not an address of a mail server. Give it as {wanted}; characters such as @, / and # in "
            "the password are written as %40, %2F and %23."
        )
    return MailServer(
        host=parts.hostname,
        port=port or _MAIL_PORTS[parts.scheme],
        is_encrypted_from_start=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _public_address(given: str) -> str:
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.query or parts.fragment or any(map(str.isspace, given)):
        raise SettingError("PUBLIC_URL must be the address that people open, as in https://licenses.msp.example.")
    return given.rstrip("/")
