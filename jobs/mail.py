"""Sending mail: a link for one user, in plain text. Nothing else is ever mailed."""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from contextlib import AbstractContextManager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from flask import current_app
from rq.timeouts import JobTimeoutException
from sqlalchemy import select, update

from config import Settings
from settings.mail import MailServer, read_mail_server
from webapp.extensions import db, vault
from webapp.models import LinkPurpose, User, UserLink, utc_now

from .job import job

log = logging.getLogger(__name__)

# For each answer of the mail server; the queue bounds all of them together.
SECONDS = 10

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_SUBJECTS = {
    LinkPurpose.INVITATION: "You are invited to Seatledger",
    LinkPurpose.PASSWORD_RESET: "Set a new password for Seatledger",
}
_TEXTS = {
    LinkPurpose.INVITATION: """\
You are invited to Seatledger as {email}.

Open this link within 7 days, and choose your password there:

{address}

The link works once. If you did not expect this mail, ignore it.
""",
    LinkPurpose.PASSWORD_RESET: """\
Somebody, probably you, asked for a new password for {email} at Seatledger.

Open this link within 2 hours, and choose the password there:

{address}

The link works once. If you did not ask for it, ignore this mail: your password stays as it is.
""",
}


@job
def send_link(sealed: str) -> None:
    """Mail a link that was made, as `webapp.auth.links` sealed it, and note with the link how that went."""
    told = json.loads(vault.decrypt(sealed))
    problem = _send(told["email"], LinkPurpose(told["purpose"]), told["address"])
    _note(told["link_id"], problem)


@job
def answer_reset(sealed: str) -> None:
    """Make a link for the active user of an address, and mail it. Where there is none, nothing is sent to anybody."""
    told = json.loads(vault.decrypt(sealed))
    user = db.session.scalar(select(User).where(User.email == told["address"], User.is_active))
    if user is None:
        return
    email, purpose = user.email, LinkPurpose.PASSWORD_RESET
    link, token = UserLink.make(db.session, user, purpose, is_mailed=True)
    link_id = link.id
    db.session.commit()
    _note(link_id, _send(email, purpose, f"{told['base']}/reset/{token}"))


def _note(link_id: int, problem: str) -> None:
    done = {"mail_problem": problem} if problem else {"mailed_at": utc_now(), "mail_problem": ""}
    db.session.execute(update(UserLink).where(UserLink.id == link_id).values(**done))
    db.session.commit()


def _send(to: str, purpose: LinkPurpose, address: str) -> str:
    """Hand the mail over to the mail server. Returns what went wrong, as a sentence, or nothing."""
    settings: Settings = current_app.config["SETTINGS"]
    server = read_mail_server(settings.mail_server)
    try:
        message = _message(
            settings.mail_from, to, _SUBJECTS[purpose], _TEXTS[purpose].format(email=to, address=address)
        )
        with _connection(server, settings.mail_from) as smtp:
            smtp.send_message(message)
    except (smtplib.SMTPException, OSError, ValueError, JobTimeoutException) as error:
        # Neither the link nor what the server said of the address belongs in the log.
        log.warning("A mail could not be sent by %s:%s: %s", server.host, server.port, type(error).__name__)
        return _reason(error)
    return ""


def _message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """The mail. Addresses are set as addresses, which refuse whatever would begin another header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Seatledger", addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=_domain(sender))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def _connection(server: MailServer, sender: str) -> AbstractContextManager[smtplib.SMTP]:
    """A connection that is encrypted, unless the server is this machine itself, and signed in where it is to be."""
    # Without a name of its own smtplib would ask DNS for this machine's.
    name = _domain(sender)
    smtp: smtplib.SMTP
    if server.is_encrypted_from_start:
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(server.host, server.port, name, timeout=SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, name, timeout=SECONDS)
    try:
        if not server.is_encrypted_from_start and server.host not in _LOOPBACK:
            smtp.starttls(context=ssl.create_default_context())
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _domain(address: str) -> str:
    """The domain in the letters that SMTP takes."""
    try:
        return address.rpartition("@")[2].encode("idna").decode()
    except UnicodeError:
        return "localhost"


def _reason(error: Exception) -> str:
    """Why, in a sentence. The first kind that fits tells: SMTP's errors are errors of the system, too."""
    # What smtplib says of an answer that does not come is that the connection is gone.
    cause = error.__context__ if isinstance(error.__context__, TimeoutError) else error
    for kinds, reason in _REASONS:
        if isinstance(cause, kinds):
            return reason
    return "The mail could not be sent."


_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError, JobTimeoutException), "The mail server did not answer in time."),
    (ssl.SSLCertVerificationError, "The mail server's certificate is not one that this system trusts."),
    (ssl.SSLError, "No encrypted connection to the mail server came about. Check the port in MAIL_SERVER."),
    (smtplib.SMTPAuthenticationError, "The mail server refused the user or the password in MAIL_SERVER."),
    (smtplib.SMTPRecipientsRefused, "The mail server takes no mail for this e-mail address."),
    (smtplib.SMTPSenderRefused, "The mail server takes no mail from the address in MAIL_FROM."),
    (
        smtplib.SMTPNotSupportedError,
        "The mail server offers no encryption (STARTTLS), or no sign-in, or not this address.",
    ),
    (smtplib.SMTPServerDisconnected, "The mail server ended the connection."),
    (smtplib.SMTPConnectError, "The mail server takes no mail at the moment."),
    (smtplib.SMTPException, "The mail server refused the mail."),
    (OSError, "The mail server cannot be reached. Check the host and the port in MAIL_SERVER."),
    (ValueError, "The e-mail address cannot be written into a mail."),
)
