"""From a user to the text of Graph's user resource, at once: with very many of them the way by dictionaries is long."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring

from sandbox.messages import json_text
from sandbox.user_resource import assigned_license, assignment_states, user_resource
from sandbox.users import Assigned, User

Encoder = Callable[[User], str]


def encoder_of(names: frozenset[str]) -> Encoder:
    """What writes these properties of a user, in the order of the resource, as `user_resource` has them."""
    known = [(f'"{name}":', write) for name, write in _WRITERS.items() if name in names]

    def encoded(one: User) -> str:
        if one.properties:
            return json_text({name: value for name, value in user_resource(one).items() if name in names})
        return "{" + ",".join([key + write(one) for key, write in known]) + "}"

    return encoded


def _null(one: User) -> str:
    return "null"


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _texts(values: tuple[str, ...]) -> str:
    return f"[{','.join([encode_basestring(value) for value in values])}]"


def _licenses(one: User) -> str:
    return f"[{','.join([_license(assigned) for assigned in one.licenses if assigned.state != 'Error'])}]"


def _states(one: User) -> str:
    return f"[{','.join([_state(assigned) for assigned in one.licenses if assigned.is_direct or assigned.groups])}]"


# The same few assignments are those of very many users.
@lru_cache(maxsize=10_000)
def _license(assigned: Assigned) -> str:
    return json_text(assigned_license(assigned))


@lru_cache(maxsize=10_000)
def _state(assigned: Assigned) -> str:
    return json_text(assignment_states(assigned))[1:-1]


_WRITERS: dict[str, Encoder] = {
    "businessPhones": lambda one: _texts(one.business_phones),
    "displayName": lambda one: _text(one.display_name),
    "givenName": lambda one: _text(one.given_name),
    "jobTitle": lambda one: _text(one.job_title),
    "mail": lambda one: _text(one.mail),
    "mobilePhone": lambda one: _text(one.mobile_phone),
    "officeLocation": _null,
    "preferredLanguage": _null,
    "surname": lambda one: _text(one.surname),
    "userPrincipalName": lambda one: encode_basestring(one.user_principal_name),
    "id": lambda one: f'"{one.user_id}"',
    "accountEnabled": lambda one: "true" if one.account_enabled else "false",
    "assignedLicenses": _licenses,
    "department": _null,
    "licenseAssignmentStates": _states,
    "otherMails": lambda one: _texts(one.other_mails),
    "proxyAddresses": lambda one: _texts(one.proxy_addresses),
    "usageLocation": _null,
    "userType": lambda one: _text(one.user_type),
}
