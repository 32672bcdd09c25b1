"""Accounts: what an e-mail address and a password must be, and how a user is made, whoever makes it."""

from __future__ import annotations

from typing import Any, cast

import email_validator
from sqlalchemy import CursorResult, delete, select
from sqlalchemy.exc import IntegrityError

from ..models import Role, SetupCode, User, UserLink, UserSession, any_user
from ..models.base import DbSession
from ..models.user import waste_time_like_a_check
from ..text import count_of

PASSWORD_MIN, PASSWORD_MAX = 8, 1024
PASSWORD_RULE = f"At least {PASSWORD_MIN} characters, and not your e-mail address. Several words in a row are good."
ADDRESS_MAX = 254

# The address is a name to sign in with, and who hosts Seatledger at home has names under .local and .test. The library
# offers only this list for the whole process.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class AddressTaken(Exception):
    """There is a user with this e-mail address already."""


def normal_address(text: str) -> str:
    """The e-mail address as it is stored, in lower case. Raises `ValueError` with what is wrong with it."""
    # First of what was typed: the time to normalize marks grows with the square of their number, and anybody can send
    # a megabyte of them to the page of sign-in.
    typed = _no_longer(text.strip())
    try:
        address = email_validator.validate_email(typed, check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return _no_longer(address)


def password_problem(password: str, address: str) -> str | None:
    """What is wrong with a new password, or None."""
    if len(password) < PASSWORD_MIN:
        return f"The password has {count_of(len(password), 'character')}; it needs at least {PASSWORD_MIN}."
    if len(password) > PASSWORD_MAX:
        return f"The password is longer than {PASSWORD_MAX} characters."
    if password.strip().lower() == address.strip().lower():
        return "The password is the e-mail address. Choose another one."
    return None


def create_user(session: DbSession, address: str, password: str | None, role: Role) -> User:
    """Make a user; raises `AddressTaken`. With a user there is no first visit any more: its code ends.

    Without a password nobody signs in as this user before they choose one, by the link of an invitation.
    """
    user = User(email=normal_address(address), role=role, password_hash="")
    if password is not None:
        user.set_password(password)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise AddressTaken from error
    session.execute(delete(SetupCode))
    return user


def create_first_user(session: DbSession, code: str, address: str, password: str) -> User | None:
    """Make the Administrator, if the code is right and there is no user yet; otherwise return None.

    Of two visitors with the same code one deletes it. The other waits for that one's transaction and finds it gone.
    """
    if not SetupCode.accepts(session, code):
        return None
    used = cast("CursorResult[Any]", session.execute(delete(SetupCode)))
    if used.rowcount != 1 or any_user(session):
        return None
    return create_user(session, address, password, Role.ADMINISTRATOR)


def user_with_password(session: DbSession, address: str, password: str) -> User | None:
    """The active user of this address if it is the password, or None, after the same time in either case."""
    user = find_user(session, address) if len(password) <= PASSWORD_MAX else None
    if user is None or not user.is_active:
        waste_time_like_a_check(password[:PASSWORD_MAX])
        return None
    checked = user.password_hash
    if not user.check_password(password):
        return None
    return user if _is_still(session, user, checked) else None


def _is_still(session: DbSession, user: User, password_hash: str) -> bool:
    """Whether the user is active and has this password's hash, which then stay so until the transaction ends.

    Checking takes a while: who gives the user another password meanwhile ends their sessions, also one that would
    begin only after that.
    """
    query = select(User.id).where(User.id == user.id, User.password_hash == password_hash, User.is_active)
    with session.no_autoflush:
        return session.scalar(query.with_for_update(key_share=True)) is not None


def choose_password(session: DbSession, user: User, password: str) -> None:
    """Give the user a new password. Whoever is signed in as them, or has a link to be so, is so no longer."""
    user.set_password(password)
    UserSession.close_all(session, user)
    UserLink.end_all(session, user)


def find_user(session: DbSession, address: str) -> User | None:
    """The user of this address, however its letters are written."""
    try:
        return session.scalar(select(User).where(User.email == normal_address(address)))
    except ValueError:
        return None


def _no_longer(address: str) -> str:
    if len(address) > ADDRESS_MAX:
        raise ValueError(f"The e-mail address is longer than {ADDRESS_MAX} characters.")
    return address
