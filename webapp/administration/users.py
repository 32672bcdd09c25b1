"""What is done with users, for the pages and the commands. Each change is told in the audit log.

Whoever changes a user holds, in this order, all active Administrators and the user: of two who would each take away
the last but one, one sees that it is the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from .. import audit
from ..access import takes_all
from ..auth import accounts, links
from ..models import AuditArea, Role, User, UserLink, UserSession, utc_now
from ..models.base import DbSession
from . import grants
from .grants import NOTHING, Change
from .refused import LAST_ADMINISTRATOR, LITE_TAKES_NO_ALL, OWN_ROLE, Refused


@dataclass(frozen=True)
class Rights:
    """What a user gets: the role, all organizations or those to give and take, and the groups to join and leave."""

    role: Role
    all_organizations: bool
    organizations: Change = NOTHING
    groups: Change = NOTHING


def invite(session: DbSession, address: str, rights: Rights) -> tuple[User, links.Issued]:
    """Make a user who chooses a password by a link. Raises `AddressTaken` or `Refused`."""
    user = create(session, address, None, rights)
    return user, links.issue(session, user)


def create(session: DbSession, address: str, password: str | None, rights: Rights) -> User:
    """Make a user with these rights. Raises `AddressTaken` or `Refused`."""
    _check(rights)
    user = accounts.create_user(session, address, password, rights.role)
    user.all_organizations = rights.all_organizations
    organizations = grants.change_organizations(session, user, rights.organizations)
    groups = grants.change_groups(session, user, rights.groups)
    verb = "Invited" if password is None else "Made"
    audit.record(
        AuditArea.RIGHTS,
        f"{verb} {user.email} as {user.role.label}",
        role=user.role.value,
        all_organizations=user.all_organizations,
        organizations=organizations.given,
        groups=groups.given,
    )
    return user


def hold(session: DbSession, user_id: int) -> User | None:
    """The user as they are now; until the transaction ends nobody else changes them, nor an Administrator."""
    _hold_administrators(session)
    return session.scalar(
        select(User).where(User.id == user_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )


def change_rights(session: DbSession, user: User, rights: Rights, by: User | None) -> bool:
    """Give the user, who is held, these rights. Raises `Refused`. Returns whether that changes anything."""
    _check(rights)
    told: dict[str, Any] = {}
    if rights.role != user.role:
        _refuse_own(user, by)
        if rights.role != Role.ADMINISTRATOR:
            _refuse_last_administrator(session, user)
        told["role"] = [user.role.value, rights.role.value]
        user.role = rights.role
    if rights.all_organizations != user.all_organizations:
        told["all_organizations"] = [user.all_organizations, rights.all_organizations]
        user.all_organizations = rights.all_organizations
    organizations = grants.change_organizations(session, user, rights.organizations)
    groups = grants.change_groups(session, user, rights.groups)
    told |= {"organizations_given": organizations.given, "organizations_taken": organizations.taken}
    told |= {"groups_joined": groups.given, "groups_left": groups.taken}
    told = {name: value for name, value in told.items() if value}
    if told:
        is_new_role = f": {user.role.label} now" if "role" in told else ""
        audit.record(AuditArea.RIGHTS, f"Changed the rights of {user.email}{is_new_role}", **told)
    return bool(told)


def set_role(session: DbSession, user: User, role: Role, by: User | None = None) -> bool:
    """Give the user, who is held, this role; who becomes Lite keeps only what is given one by one."""
    return change_rights(session, user, Rights(role, user.all_organizations and takes_all(role)), by)


def deactivate(session: DbSession, user: User, by: User | None = None) -> bool:
    """Let the user, who is held, not sign in any more; where they are signed in they are so no longer."""
    if user.deactivated_at is not None:
        return False
    _refuse_own(user, by)
    _refuse_last_administrator(session, user)
    user.deactivated_at = utc_now()
    UserSession.close_all(session, user)
    UserLink.end_all(session, user)
    audit.record(AuditArea.RIGHTS, f"Deactivated {user.email}")
    return True


def reactivate(session: DbSession, user: User) -> bool:
    """Let the user, who is held, sign in again, with the password and the rights that they had."""
    if user.deactivated_at is None:
        return False
    user.deactivated_at = None
    # What came about while they were being deactivated must not come to life again.
    UserSession.close_all(session, user)
    UserLink.end_all(session, user)
    audit.record(AuditArea.RIGHTS, f"Reactivated {user.email}")
    return True


def remove(session: DbSession, user: User, by: User | None = None) -> None:
    """Delete the user, who is held, with their sessions, rights and memberships. The audit log keeps their address."""
    _refuse_own(user, by)
    _refuse_last_administrator(session, user)
    audit.record(AuditArea.RIGHTS, f"Deleted {user.email}", role=user.role.value)
    session.flush()
    session.execute(delete(User).where(User.id == user.id))


def sign_out_everywhere(session: DbSession, user: User) -> None:
    """End all sessions of the user."""
    UserSession.close_all(session, user)
    audit.record(AuditArea.SIGN_IN, f"Signed {user.email} out everywhere")


def new_link(session: DbSession, user: User) -> links.Issued:
    """A new link for the user, who is held, which replaces the one before. Raises `Refused`."""
    if user.deactivated_at is not None:
        raise Refused(f"{user.email} is deactivated. Reactivate them first, then make the link.")
    issued = links.issue(session, user)
    what = "an invitation" if not user.password_hash else "a link to set a new password"
    audit.record(AuditArea.RIGHTS, f"Made {what} for {user.email}")
    return issued


def _check(rights: Rights) -> None:
    if rights.all_organizations and not takes_all(rights.role):
        raise Refused(LITE_TAKES_NO_ALL)


def _refuse_own(user: User, by: User | None) -> None:
    if by is not None and by.id == user.id:
        raise Refused(OWN_ROLE)


def _refuse_last_administrator(session: DbSession, user: User) -> None:
    if set(_hold_administrators(session)) == {user.id}:
        raise Refused(LAST_ADMINISTRATOR)


def _hold_administrators(session: DbSession) -> list[int]:
    """The ids of the Administrators who can sign in, kept as they are until the transaction ends."""
    session.flush()
    query = select(User.id).where(User.role == Role.ADMINISTRATOR, User.is_active).order_by(User.id)
    return list(session.scalars(query.with_for_update(key_share=True)))
