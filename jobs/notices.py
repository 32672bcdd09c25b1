"""What is said on a part that is OK of what could not be read beside the licenses."""

from __future__ import annotations

from dataclasses import replace

from webapp.models import NOTHING_TO_DO, Problem

from .microsoft.errors import AccessDenied, MicrosoftError

READ_ORGANIZATION = "Organization.Read.All"


def organization_unread(error: AccessDenied) -> Problem:
    return replace(
        error.problem,
        reason=f"The tenant's name and domains could not be read. {error.problem.reason} Licenses are not affected.",
    )


def users_unread(error: MicrosoftError) -> Problem:
    """What follows from it, and the cause: a permission that is lacking, or what Microsoft or the answer says."""
    return replace(
        error.problem,
        reason="The tenant's users could not be read, so its contacts and who holds which license stay as they were. "
        f"{error.problem.reason} Licenses are not affected.",
    )


def together(organization: Problem | None, users: Problem | None, syncs_users: bool) -> Problem | None:
    """Both notices as one. Where users are not synced, one about users is no more than a hint."""
    if users is not None and not syncs_users:
        users = replace(
            users,
            reason="Who holds which license is not known, or not any more: the tenant's users could not be read. "
            "Licenses are not affected.",
            fix=f"{NOTHING_TO_DO} To see who holds which license: {users.fix[:1].lower()}{users.fix[1:]}",
            needs_consent=False,
        )
    if organization is None or users is None:
        return organization or users
    return replace(
        users,
        reason=f"{organization.reason} {users.reason}",
        fix=f"{organization.fix} {users.fix}",
        needs_consent=organization.needs_consent or users.needs_consent,
    )
