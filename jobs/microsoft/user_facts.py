"""Graph's users turned into plain facts.

Sources: Graph, "user resource type", "licenseAssignmentState resource type".
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from webapp.models import fold
from webapp.text import is_visible, one_line

from .errors import BadAnswer
from .facts import guid_of

USER_FIELDS = (
    "id,displayName,givenName,surname,jobTitle,businessPhones,mobilePhone,mail,userPrincipalName,proxyAddresses,"
    "accountEnabled,userType,assignedLicenses,licenseAssignmentStates"
)
# Graph's own limits are 256, 64, 128 and 64; a mailbox has at most some hundred addresses.
_LONGEST_NAME = 256
_LONGEST_TITLE = 256
_LONGEST_PHONE = 100
# RFC 5321: 64 characters, the @, 255 characters.
_LONGEST_ADDRESS = 320
_MOST_ADDRESSES = 500
# Of a folded text, what an index of PostgreSQL surely takes; a text this short never folds to more.
_LONGEST_FOLDED_BYTES = 2000
_SURELY_SHORT = 60
# With braces and "urn:uuid:".
_LONGEST_GUID = 50


class Held(NamedTuple):
    """A license that a user holds, and how it came to it: one of the two at least."""

    sku_id: str
    is_direct: bool
    is_through_group: bool


class UserFacts(NamedTuple):
    """One user of a tenant, as it is compared with what is stored. A named tuple, since very many are made."""

    user_id: str
    # What it is called; where it has no display name, what else tells it from others. Never empty.
    name: str
    first_name: str
    last_name: str
    title: str
    phone: str
    mobile: str
    # The address to write to; empty where it has none.
    email: str
    user_principal_name: str
    # All its addresses, each once; the one to write to is the first.
    addresses: tuple[str, ...]
    is_guest: bool
    is_blocked: bool
    held: tuple[Held, ...]


def user_facts(user: Any) -> UserFacts:
    """The facts of one user. What is not as documented counts as not there, but without an id it is `BadAnswer`."""
    user_id = guid_of(user.get("id")) if isinstance(user, dict) else ""
    if not user_id:
        raise BadAnswer("a user has no id that is a GUID")
    get = user.get
    first_name, last_name = _text(get("givenName"), _LONGEST_NAME), _text(get("surname"), _LONGEST_NAME)
    principal_name = _text(get("userPrincipalName"), _LONGEST_ADDRESS)
    addresses = _addresses(get("mail"), get("proxyAddresses"))
    email = addresses[0] if addresses else ""
    name = _text(get("displayName"), _LONGEST_NAME) or f"{first_name} {last_name}".strip()
    user_type = get("userType")
    return UserFacts(
        user_id,
        name or principal_name or email or user_id,
        first_name,
        last_name,
        _text(get("jobTitle"), _LONGEST_TITLE),
        _first_phone(get("businessPhones")),
        _text(get("mobilePhone"), _LONGEST_PHONE),
        email,
        principal_name,
        addresses,
        isinstance(user_type, str) and user_type.strip().lower() == "guest",
        get("accountEnabled") is False,
        _held(get("licenseAssignmentStates"), get("assignedLicenses")),
    )


def _text(value: Any, longest: int) -> str:
    """The value on one line, cut where it is too long; empty where it is no text."""
    if not isinstance(value, str):
        return ""
    if len(value) <= longest and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()  # what would come of all below, too; nearly all text is such
    # Cut before it is looked at character by character, since it may be a million.
    value = value[: longest * 4]
    # Most text is printable: then there is nothing in it to leave out, and only white space to make single.
    text = " ".join(value.split()) if value.isprintable() else one_line(value)
    if text.isascii():
        return text[:longest].rstrip()
    return _cut(text, longest) if is_visible(text) else ""


def _cut(text: str, longest: int) -> str:
    text = text[:longest].rstrip()
    # A ligature can fold to a whole sentence.
    while len(text) > _SURELY_SHORT and len(fold(text).encode("utf-8")) > _LONGEST_FOLDED_BYTES:
        text = text[: len(text) // 2]
    return text


def _first_phone(phones: Any) -> str:
    return next(filter(None, (_text(phone, _LONGEST_PHONE) for phone in _list(phones))), "")


def _addresses(mail: Any, proxies: Any) -> tuple[str, ...]:
    """The e-mail addresses, the one to write to first, each once however it is spelled.

    `proxyAddresses` holds addresses of several kinds, each after its kind: "SMTP:" is before the primary one, "smtp:"
    before the others; X500, SIP and the like are no e-mail addresses.
    """
    primary: list[str] = []
    others: list[str] = []
    for proxy in _list(proxies):
        kind, _, address = proxy.partition(":") if isinstance(proxy, str) else ("", "", "")
        if address == mail:
            continue  # as most often one is: it comes first anyway
        kind = kind.strip()
        if kind == "SMTP":
            primary.append(_address(address))
        elif kind.lower() == "smtp":
            others.append(_address(address))
    found: dict[str, str] = {}
    # In an order of their own, since that in which they come says nothing and may change.
    for address in (_address(mail), *sorted(primary), *sorted(others)):
        if address:
            found.setdefault(fold(address), address)
    return tuple(found.values())[:_MOST_ADDRESSES]


def _address(value: Any) -> str:
    """An e-mail address; empty where it is none. Nothing is cut off or left out: it would be somebody else's."""
    if not isinstance(value, str):
        return ""
    if len(value) <= _LONGEST_ADDRESS and value.isascii() and value.isprintable() and " " not in value:
        return value if "@" in value[1:-1] else ""  # what would come of all below, too; nearly all are such
    address = _text(value, _LONGEST_ADDRESS)
    is_whole = address == value.strip()
    return address if is_whole and "@" in address[1:-1] and " " not in address else ""


def _held(states: Any, assigned: Any) -> tuple[Held, ...]:
    """The licenses that the user holds, and how.

    `licenseAssignmentStates` says for each way whether it works: one in the state Error gives no license; Active,
    ActiveWithError and Disabled (its subscription is suspended) do. `assignedLicenses` names what is held, but not the
    way: what is in no state counts as assigned directly.
    """
    working: dict[str, Held] = {}
    failed: dict[str, Held] = {}
    for state in _list(states):
        sku_id = _sku_id(state)
        if not sku_id:
            continue
        group, status = state.get("assignedByGroup"), state.get("state")
        is_group = isinstance(group, str) and bool(group.strip())
        ways = failed if isinstance(status, str) and status.strip().lower() == "error" else working
        before = ways.get(sku_id)
        ways[sku_id] = _held_so(
            sku_id,
            not is_group or (before is not None and before.is_direct),
            is_group or (before is not None and before.is_through_group),
        )
    for one in _list(assigned):
        sku_id = _sku_id(one)
        if sku_id and sku_id not in working:
            working[sku_id] = failed.get(sku_id) or _held_so(sku_id, True, False)
    return tuple(working[sku_id] for sku_id in sorted(working)) if len(working) > 1 else tuple(working.values())


def _sku_id(source: Any) -> str:
    """The SKU's id, which very many users share: it is kept once."""
    value = source.get("skuId") if isinstance(source, dict) else None
    return _sku(value) if isinstance(value, str) and len(value) <= _LONGEST_GUID else ""


@lru_cache(maxsize=4096)
def _held_so(sku_id: str, is_direct: bool, is_through_group: bool) -> Held:
    return Held(sku_id, is_direct, is_through_group)


@lru_cache(maxsize=4096)
def _sku(text: str) -> str:
    return sys.intern(guid_of(text))


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
