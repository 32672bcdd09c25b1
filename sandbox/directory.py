"""The users of one tenant as they are now, and what changed about whom since when.

Nothing is remembered of what a user was: for those that changed, the version at which each property did so last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.crowd import Crowd
from sandbox.user_resource import user_resource
from sandbox.users import User

Reason = Literal["changed", "deleted"]
"""Why a user is gone: `changed` for one that can be restored, `deleted` for one that cannot."""


@dataclass(frozen=True)
class Change:
    """What happened to the user at a place since a version. `user` is None for one that was removed."""

    place: int
    user_id: str
    user: User | None
    reason: Reason
    is_new: bool
    # Properties that changed since then, and those that ever did.
    changed: frozenset[str]
    ever_changed: frozenset[str]


@dataclass
class _History:
    user_id: str
    created: int = 0
    removed: int = 0
    reason: Reason = "changed"
    changed: dict[str, int] = field(default_factory=dict)


class Directory:
    """The users by place, in the order in which they came. A place is never given to another user.

    The first places are those of the crowd, whose users are made when they are asked for. `epoch` tells this directory
    from every other, also from one of the same tenant before. Safe to use from many threads.
    """

    def __init__(self, epoch: str, users: Iterable[User] = (), crowd: Crowd | None = None) -> None:
        self.epoch = epoch
        self.crowd = crowd
        self._lock = threading.RLock()
        self._crowd_size = crowd.size if crowd else 0
        # None stands at the place of a user who was removed.
        self._users: dict[int, User | None] = {}
        self._places: dict[str, int] = {}
        self._end = self._crowd_size
        self._history: dict[int, _History] = {}
        self._version = 0
        self._valid_from = 0
        for one in users:
            self._append(one)

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._version

    def named_users(self) -> tuple[User, ...]:
        """Those who are none of the crowd."""
        with self._lock:
            return tuple(one for place in range(self._crowd_size, self._end) if (one := self._users[place]) is not None)

    def everyone(self) -> list[User]:
        return [one for _, one in self._from(0)]

    def find(self, name: str) -> User | None:
        """The user with this id or user principal name, in any case."""
        key = name.lower()
        with self._lock:
            place = self._place(key)
            if place is not None:
                return self._at(place)
            return next((one for _, one in self._from(0) if one.user_principal_name.lower() == key), None)

    def page(self, start: int, size: int) -> tuple[list[User], int | None]:
        """So many users (all for 0) from a place on, and the place of the next one; None where there is none."""
        with self._lock:
            found: list[User] = []
            for place, one in self._from(start):
                if size and len(found) == size:
                    return found, place
                found.append(one)
            return found, None

    def put(self, *users: User) -> None:
        """Adds users, or changes those with their ids."""
        with self._lock:
            self._version += 1
            for one in users:
                place = self._place(one.user_id)
                before = None if place is None else self._at(place)
                if place is None:
                    place = self._append(one)
                    self._history[place] = _History(one.user_id, created=self._version)
                elif before is None:
                    self._users[place] = one
                    self._history[place] = _History(one.user_id, created=self._version)
                elif before != one:
                    self._users[place] = one
                    self._note(place, before, one)

    def remove(self, *user_ids: str, reason: Reason = "changed") -> None:
        """Removes those of them who are there."""
        with self._lock:
            self._version += 1
            for user_id in user_ids:
                place = self._place(user_id.lower())
                if place is None or self._at(place) is None:
                    continue
                self._users[place] = None
                history = self._history.setdefault(place, _History(user_id.lower()))
                history.removed, history.reason = self._version, reason

    def replace_named(self, users: Iterable[User]) -> None:
        """These are the users now besides the crowd: the others are removed, what differs has changed."""
        with self._lock:
            wanted = tuple(users)
            if wanted == self.named_users():
                return
            kept = {one.user_id for one in wanted}
            self.remove(*(one.user_id for one in self.named_users() if one.user_id not in kept))
            self.put(*wanted)

    def expire_tokens(self) -> None:
        """Whatever version was told so far can no longer be asked from."""
        with self._lock:
            self._version += 1
            self._valid_from = self._version

    def remembers(self, version: int) -> bool:
        return self._valid_from <= version <= self._version

    def changes(self, since: int, start: int, size: int, tracked: frozenset[str]) -> tuple[list[Change], int | None]:
        """So many changes after a version, from a place on, and the place of the next one.

        Users of whom only other properties than the `tracked` ones changed are not among them.
        """
        with self._lock:
            found: list[Change] = []
            for place in sorted(place for place in self._history if place >= start):
                change = self._change(place, since, tracked)
                if change is None:
                    continue
                if len(found) == size:
                    return found, place
                found.append(change)
            return found, None

    def ever_changed(self, user_id: str) -> frozenset[str]:
        """The properties of a user that changed since it is there."""
        with self._lock:
            place = self._place(user_id)
            history = None if place is None else self._history.get(place)
            return frozenset(history.changed) if history else frozenset()

    def _change(self, place: int, since: int, tracked: frozenset[str]) -> Change | None:
        history, one = self._history[place], self._at(place)
        changed = frozenset(name for name, version in history.changed.items() if version > since)
        is_new = history.created > since
        if one is None and history.removed <= since:
            return None
        if one is not None and not is_new and not changed & tracked:
            return None
        ever = frozenset(history.changed)
        return Change(place, history.user_id, one, history.reason, is_new, changed, ever)

    def _note(self, place: int, before: User, after: User) -> None:
        old, new = user_resource(before), user_resource(after)
        history = self._history.setdefault(place, _History(after.user_id))
        for name in old.keys() | new.keys():
            if old.get(name) != new.get(name):
                history.changed[name] = self._version

    def _append(self, one: User) -> int:
        place = self._end
        self._end += 1
        self._users[place] = one
        self._places[one.user_id] = place
        return place

    def _place(self, user_id: str) -> int | None:
        place = self._places.get(user_id)
        return self.crowd.place(user_id) if place is None and self.crowd else place

    def _at(self, place: int) -> User | None:
        if place < self._crowd_size and self.crowd and place not in self._users:
            return self.crowd.user(place)
        return self._users.get(place)

    def _from(self, start: int) -> Iterator[tuple[int, User]]:
        for place in range(start, self._end):
            one = self._at(place)
            if one is not None:
                yield place, one


def tracked_properties(selected: Iterable[str]) -> frozenset[str]:
    """Those of which a change is noticed.

    licenseAssignmentStates is none, though it can be selected: Graph computes it
    (https://github.com/microsoftgraph/microsoft-graph-docs/issues/16690).
    """
    return frozenset(selected) - {"licenseAssignmentStates"}


def selected_part(resource: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The resource with these properties, in its own order; it has its id in any case."""
    wanted = {*names, "id"}
    return {name: value for name, value in resource.items() if name in wanted}
