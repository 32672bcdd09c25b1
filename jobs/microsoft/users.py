"""The users of a tenant, page by page.

Sources: Graph, "List users" (100 users a page unless $top says otherwise, 999 at the most; eleven properties unless
$select names others).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import BadAnswer
from .graph import GraphClient
from .user_facts import USER_FIELDS, UserFacts, user_facts

READ_USERS = "User.Read.All"
# The largest page that Graph gives.
_PAGE = 999
# Graph may make pages smaller than asked for, and some of them empty. What goes on beyond that is no list of users.
_MOST_PAGES = 20_000
_MOST_PAGES_WITHOUT_NEWS = 50


@dataclass(frozen=True)
class UsersRead:
    """The users of a tenant as they were read: all of them, or, where not `is_whole`, what changed since the last time.

    `users` are then those that are new or changed, each with all its facts, and `removed` the ids of those that are
    gone; everybody else is as before. `link` is where the next changes are asked for; empty where they cannot be.
    """

    users: Mapping[str, UserFacts]
    removed: frozenset[str] = frozenset()
    is_whole: bool = True
    link: str = ""


def read_users(graph: GraphClient) -> dict[str, UserFacts]:
    """All users of the tenant by id. Raises the errors of `jobs.microsoft.errors`.

    The list is no snapshot: a user that is changed while it is read may be on two pages. The later page was read later,
    so it counts.
    """
    found: dict[str, UserFacts] = {}
    without_news = 0
    for page in graph.pages("/users", USER_FIELDS, READ_USERS, top=_PAGE, max_pages=_MOST_PAGES):
        before = len(found)
        for user in page:
            facts = user_facts(user)
            found[facts.user_id] = facts
        without_news = 0 if len(found) > before else without_news + 1
        if without_news > _MOST_PAGES_WITHOUT_NEWS:
            raise BadAnswer("page after page of /users names nobody new")
    return found
