"""Links that let a user in once: made for who needs one, shown to copy, and sent where there is a mail server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from flask import current_app, has_request_context, request

from config import Settings
from jobs import queue

from ..extensions import vault
from ..models import LinkPurpose, User, UserLink
from ..models.base import DbSession

PATHS = {LinkPurpose.INVITATION: "/invitation/", LinkPurpose.PASSWORD_RESET: "/reset/"}


@dataclass(frozen=True)
class Issued:
    """A link that was made. Its address lets somebody in and is stored nowhere: who made it sees it once."""

    link_id: int
    email: str
    purpose: LinkPurpose
    address: str


def can_mail() -> bool:
    return bool(_settings().mail_server)


def issue(session: DbSession, user: User) -> Issued:
    """Make the link that this user needs, which replaces their others: an invitation for who has no password yet,
    one to set the password anew for everyone else. Commit it, then `send` it.
    """
    purpose = LinkPurpose.PASSWORD_RESET if user.password_hash else LinkPurpose.INVITATION
    link, token = UserLink.make(session, user, purpose, is_mailed=can_mail())
    return Issued(link.id, user.email, purpose, f"{base_address()}{PATHS[purpose]}{token}")


def send(session: DbSession, issued: Issued) -> None:
    """Let a worker mail the link, where there is a mail server. Call it after the commit of the link.

    Whether that went well is noted with the link.
    """
    if not can_mail():
        return
    try:
        queue.mail_link(vault.encrypt(json.dumps(asdict(issued))))
    except queue.QueueUnavailable:
        link = session.get(UserLink, issued.link_id)
        if link is not None:
            link.mail_problem = "The job queue cannot be reached."
            session.commit()


def mail_reset(address: str) -> None:
    """Let a worker mail a link to set the password anew, if there is a user of this address.

    The request does the same whether there is: neither its answer nor its time tells. Raises `QueueUnavailable`.
    """
    queue.mail_reset(vault.encrypt(json.dumps({"address": address, "base": base_address()})))


def base_address() -> str:
    """What an absolute address here begins with, without a slash at the end."""
    settings = _settings()
    if settings.public_url:
        return settings.public_url
    return request.host_url.rstrip("/") if has_request_context() else settings.local_address


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
