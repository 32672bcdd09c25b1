"""Who holds which license: compared with what is stored, and only what differs written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from webapp.extensions import db
from webapp.models import Assignment, DirectoryUser
from webapp.models.portions import in_portions
from webapp.models.statements import UNSYNCHRONIZED, table_of

from ..bulk import insert_rows
from ..microsoft.user_facts import UserFacts

_TABLE = table_of(Assignment)
_IS_ROW = (_TABLE.c.license_id == bindparam("row_license_id")) & (
    _TABLE.c.directory_user_id == bindparam("row_user_id")
)
# How: directly, and through a group.
_Ways = tuple[bool, bool]


def add(users: Iterable[tuple[int, UserFacts]], license_ids: Mapping[str, int]) -> int:
    """Store what these users, each with the id of its new row, hold of these licenses, by sku id. Returns rows written.

    What they hold of others, which the tenant itself does not name among its licenses, is left out.
    """
    rows = _rows(users, license_ids)
    insert_rows(_TABLE, ("license_id", "directory_user_id", "is_direct", "is_through_group"), rows, {})
    return len(rows)


def write(users: Mapping[int, UserFacts], license_ids: Mapping[str, int]) -> int:
    """The same of users of whom something may be stored: only what differs is written."""
    wanted = {row[:2]: row[2:] for row in _rows(users.items(), license_ids)}
    return _write(list(users), wanted) if users else 0


def _rows(users: Iterable[tuple[int, UserFacts]], license_ids: Mapping[str, int]) -> list[tuple[int, int, bool, bool]]:
    """The license, the user, and how it is held: directly, and through a group."""
    return [
        (license_ids[held.sku_id], row_id, held.is_direct, held.is_through_group)
        for row_id, facts in users
        for held in facts.held
        if held.sku_id in license_ids
    ]


def delete_of_users(user_row_ids: Sequence[int]) -> int:
    """Returns how many rows were deleted."""
    return _delete(_TABLE.c.directory_user_id, user_row_ids)


def delete_of_licenses(license_ids: Sequence[int]) -> int:
    """Returns how many rows were deleted. Who held them is compared anew the next time, should they come back."""
    for some in in_portions(license_ids):
        holders = select(_TABLE.c.directory_user_id).where(_TABLE.c.license_id.in_(some))
        forget = update(DirectoryUser).where(DirectoryUser.id.in_(holders)).values(facts_hash=None)
        db.session.execute(forget, execution_options=UNSYNCHRONIZED)
    return _delete(_TABLE.c.license_id, license_ids)


def _write(user_row_ids: Sequence[int], wanted: Mapping[tuple[int, int], _Ways]) -> int:
    query = select(_TABLE).where(_TABLE.c.directory_user_id.in_(user_row_ids))
    stored = {
        (row.license_id, row.directory_user_id): (row.is_direct, row.is_through_group)
        for row in db.session.execute(query)
    }
    new = [_row(key, ways) for key, ways in wanted.items() if key not in stored]
    changed = [_row(key, ways) | _key(key) for key, ways in wanted.items() if stored.get(key, ways) != ways]
    gone = [_key(key) for key in stored if key not in wanted]
    for statement, rows in (
        (insert(_TABLE), new),
        (_TABLE.update().where(_IS_ROW), changed),
        (_TABLE.delete().where(_IS_ROW), gone),
    ):
        if rows:
            db.session.execute(statement, rows)
    return len(new) + len(changed) + len(gone)


def _row(key: tuple[int, int], ways: _Ways) -> dict[str, Any]:
    return {
        "license_id": key[0],
        "directory_user_id": key[1],
        "is_direct": ways[0],
        "is_through_group": ways[1],
    }


def _key(key: tuple[int, int]) -> dict[str, int]:
    return {"row_license_id": key[0], "row_user_id": key[1]}


def _delete(column: Any, ids: Sequence[int]) -> int:
    deleted = 0
    for some in in_portions(ids):
        condition = column.in_(some)
        # Counted before: mostly there are none, and then nothing is written.
        count = db.session.scalars(select(func.count()).select_from(_TABLE).where(condition)).one()
        if count:
            db.session.execute(delete(_TABLE).where(condition))
        deleted += count
    return deleted
