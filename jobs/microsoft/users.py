"""The users of a tenant: all of them, or what changed since they were last read.

Sources: Graph, "List users" (100 users a page unless $top says otherwise, 999 at the most; eleven properties unless
$select names others), "user: delta", "Use delta query to track changes in Microsoft Graph data".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .batch import MOST as BATCHED
from .errors import (
    AccessDenied,
    BadAnswer,
    MicrosoftError,
    NotFound,
    Refused,
    ServerFailed,
    SignInRefused,
    Throttled,
    TlsFailed,
    Transient,
    Unreachable,
)
from .facts import guid_of
from .graph import GraphClient
from .packed import PackedUsers
from .page import STRICT, Ask, Leniency, Page
from .user_facts import USER_FIELDS, UserFacts, user_facts

READ_USERS = "User.Read.All"
# The largest page that Graph gives.
_PAGE = 999
# Graph may make pages smaller than asked for, and some of them empty. What goes on beyond that is no list of users.
_MOST_PAGES = 20_000
_MOST_PAGES_WITHOUT_NEWS = 50
# What is kept of a user is some 300 bytes, so this is a million and more of them. A list without end must not take all
# memory, since others are synced in it.
_MOST_BYTES = 512 * 1024 * 1024
# Where more changed, reading all takes hardly longer. A page of changes has some two hundred users.
_MOST_CHANGES = 2_000
_MOST_PAGES_OF_CHANGES = 100
_MOST_BYTES_OF_CHANGES = 32 * 1024 * 1024
# A link that is longer than this is not kept; Graph's have one to two thousand characters.
_LONGEST_LINK = 16_000

_FIELDS = frozenset(USER_FIELDS.split(",")) - {"id"}
_LIST = Ask(f"/users?$select={USER_FIELDS}&$top={_PAGE}", READ_USERS)
# "Sync from now": where the changes begin, without the users of today.
_BEGIN = Ask(f"/users/delta?$select={USER_FIELDS}&$deltatoken=latest", READ_USERS)


@dataclass(frozen=True)
class UsersRead:
    """The users of a tenant as they were read: all of them, or, where not `is_whole`, what changed since the last time.

    `users` are then those that are new or changed, each with all its facts, and `removed` the ids of those that are
    gone; everybody else is as before. `link` is where the next changes are asked for; empty where they cannot be, None
    where that could not be found out this time.
    """

    users: Mapping[str, UserFacts]
    removed: frozenset[str] = frozenset()
    is_whole: bool = True
    link: str | None = ""

    @property
    def says_nothing_new(self) -> bool:
        return not (self.is_whole or self.users or self.removed)


@dataclass(frozen=True)
class Wanted:
    """What to read of the users: the changes since `link`, or all of them; with `tracks` also where changes begin.

    The first request of either goes along with what else is read of the tenant. `known` is how many users it had. For
    what their `leniency` forgives, nothing is put off.
    """

    link: str = ""
    tracks: bool = True
    known: int = 0
    leniency: Leniency = STRICT

    @property
    def ask(self) -> Ask:
        ask = Ask(self.link, READ_USERS) if self.link else _BEGIN if self.tracks else _LIST
        return replace(ask, leniency=self.leniency)

    @property
    def whole(self) -> Wanted:
        """The same, but all of them."""
        return Wanted(leniency=self.leniency)

    def does_without(self, error: MicrosoftError) -> bool:
        """Whether the tenant is synced without what this error kept from being read."""
        if isinstance(error, Transient):
            return self.leniency.forgives(error)
        # These two are about more than the users.
        return isinstance(error, Refused) and not isinstance(error, SignInRefused | TlsFailed)


def read_users(graph: GraphClient, wanted: Wanted, first: Page | MicrosoftError) -> UsersRead:
    """What is wanted of the users; `first` is what its ask found. Raises the errors of `jobs.microsoft.errors`.

    Changes that Graph does not tell, or does not tell any more, are no error: then the users are read whole.
    """
    if wanted.link:
        changes = _changes(graph, first, wanted)
        return changes or read_users(graph, wanted.whole, graph.together([wanted.whole.ask])[0])
    if not wanted.tracks:
        return UsersRead(_all(graph, _page(first)))
    if isinstance(first, AccessDenied):
        raise first  # the list needs the same permission
    # Where changes begin is asked for before the list, so that none is missed between the two.
    link = _begin(graph, first, wanted)
    return UsersRead(_all(graph, graph.page(_LIST)), link=link)


def _begin(graph: GraphClient, first: Page | MicrosoftError, wanted: Wanted) -> str | None:
    try:
        told = _told(graph, first)
    except (ServerFailed, Unreachable) as error:
        if not wanted.leniency.forgives(error):
            raise
        return None
    return told.link if told else ""


def _page(found: Page | MicrosoftError) -> Page:
    if isinstance(found, MicrosoftError):
        raise found
    return found


def _all(graph: GraphClient, first: Page) -> PackedUsers:
    """All users by id.

    The list is no snapshot: a user that is changed while it is read may be on two pages. The later page was read later,
    so it counts.
    """
    found = PackedUsers()
    without_news = 0
    for page in graph.whole_list(first, _MOST_PAGES):
        before = len(found)
        for user in page.items:
            found.add(user_facts(user))
        without_news = 0 if len(found) > before else without_news + 1
        if without_news > _MOST_PAGES_WITHOUT_NEWS:
            raise BadAnswer("page after page of /users names nobody new")
        if found.size > _MOST_BYTES:
            raise BadAnswer(f"/users has more than {_MOST_BYTES // 1024**2} MB of names and addresses")
    return found


@dataclass
class _Told:
    """What pages of changes told, by user id. One user may be told of several times: the last counts."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    # Where the changes after these are asked for.
    link: str = ""

    def take(self, user: Any) -> None:
        user_id = guid_of(user.get("id")) if isinstance(user, Mapping) else ""
        if not user_id:
            raise BadAnswer("a user has no id that is a GUID")
        if user.get("@removed") is not None:
            self.users.pop(user_id, None)
            self.removed.add(user_id)
        else:
            # Of one who was deleted and came back, nothing from before counts.
            self.removed.discard(user_id)
            self.users.setdefault(user_id, {}).update(user)

    @property
    def lacking(self) -> list[str]:
        """The ids of those who are not told of completely."""
        return [user_id for user_id, user in self.users.items() if not user.keys() >= _FIELDS]


def _told(graph: GraphClient, first: Page | MicrosoftError) -> _Told | None:
    """What these pages tell; None where the server does not tell, forgot where it was, or tells very much."""
    if isinstance(first, Refused):
        return None
    told, size = _Told(), 0
    try:
        for page in graph.from_page(_page(first), _MOST_PAGES_OF_CHANGES):
            size += len(page.reply.answer.content)
            for user in page.items:
                told.take(user)
            if len(told.users) + len(told.removed) > _MOST_CHANGES or size > _MOST_BYTES_OF_CHANGES:
                return None
        told.link = graph.path_of(page, page.content.get("@odata.deltaLink"))
    except (SignInRefused, TlsFailed):
        raise
    except Refused:
        return None
    return told if len(told.link) <= _LONGEST_LINK else None


def _changes(graph: GraphClient, first: Page | MicrosoftError, wanted: Wanted) -> UsersRead | None:
    """What changed; None where that is not told, or where reading everybody takes fewer requests."""
    try:
        told = _told(graph, first)
        if told is None or len(told.lacking) > BATCHED * (2 + wanted.known // _PAGE):
            return None
        is_complete = _complete(graph, told)
    except MicrosoftError as error:
        # Who asks to wait is not asked for everybody at once.
        if isinstance(error, Throttled) or not wanted.does_without(error):
            raise
        return None
    users = {facts.user_id: facts for facts in map(user_facts, told.users.values())}
    # Where somebody is missing, the same changes are asked for the next time, and tell of them again.
    return UsersRead(users, frozenset(told.removed), is_whole=False, link=told.link if is_complete else wanted.link)


def _complete(graph: GraphClient, told: _Told) -> bool:
    """Read those who are not told of completely. Returns whether all were found.

    Who is not found was deleted since, or is not known yet to the server that was asked; so nothing is known of them.

    A change may leave out what did not change, and leaves out what was never set, and nothing tells which. What it told
    is kept: of what changes later, later changes will tell, while a server that lags behind may still give what was
    before.
    """
    lacking, are_all_found = told.lacking, True
    asks = [Ask(f"/users/{user_id}?$select={USER_FIELDS}", READ_USERS) for user_id in lacking]
    for user_id, found in zip(lacking, graph.together(asks), strict=True):
        if isinstance(found, Page):
            if guid_of(found.content.get("id")) != user_id:
                raise found.bad("is not the user that was asked for")
            told.users[user_id] = {**found.content, **told.users[user_id]}
        elif isinstance(found, NotFound):
            del told.users[user_id]
            are_all_found = False
        else:
            raise found
    return are_all_found
