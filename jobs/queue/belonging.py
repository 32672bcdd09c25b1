"""Which installation enqueued a job, or reports: a Redis may be shared by two by mistake.

Ids of one installation's rows are other rows of another's, or none. So each tells whose it is by marks, one for each of
its `ENCRYPTION_KEYS`, which all its machines have in common, also while a key is rotated. No key can be told from one.

So does a job's id, `name_mark-random`: a job of the same name, `run-5`, is another one in each installation.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from flask import current_app

_MARKS = "marks"

# What to do about it, for whoever runs one of them.
SHARED_REDIS = (
    "Give each installation a Redis, or a database number of it, of its own; and all machines of one the same "
    "ENCRYPTION_KEYS."
)

_LENGTH = 24


def own_marks() -> list[str]:
    """Those of the current app's installation."""
    return list(_marks(current_app.config["SETTINGS"].encryption_keys))


def signing_mark() -> str:
    """The same for all who have the same `SECRET_KEY`, which cannot be told from it."""
    return _marks((current_app.config["SETTINGS"].secret_key,))[0]


def whose() -> dict[str, Any]:
    """What to keep beside a job: that it is this installation's."""
    return {_MARKS: own_marks()}


def is_ours(marks: Collection[str]) -> bool:
    """Whether these are marks of this installation. One of an older version has none, and is taken to be."""
    return not marks or not set(own_marks()).isdisjoint(marks)


def is_ours_to_do(meta: Any) -> bool:
    """Whether a job with this beside it was enqueued by this installation, as far as it tells."""
    return is_ours(marks_of(meta))


def marks_of(meta: Any) -> list[str]:
    """The marks that are kept beside a job; none beside one of an older version."""
    marks = meta.get(_MARKS) if isinstance(meta, dict) else None
    return marks if isinstance(marks, list) else []


def new_job_id(name: str) -> str:
    """The id of a new job of this installation that has a name.

    Its end is random: RQ removes what it knows under an id when the job ends, and that would lose a second one that
    was enqueued under the same id while the first was worked on.
    """
    return f"{name}_{own_marks()[0]}-{secrets.token_hex(4)}"


def names_of_ours(job_ids: Iterable[str]) -> set[str]:
    """The names of those of these jobs that are this installation's, as far as their ids tell.

    The version before, which may run beside this one during an upgrade, has no mark in an id, and takes what is before
    the last underscore for the name, as in those of this version.
    """
    own, names = set(own_marks()), set()
    for job_id in job_ids:
        name, _, end = job_id.rpartition("_")
        mark, is_marked, _ = end.partition("-")
        if not is_marked or mark in own:
            names.add(name)
    return names


@lru_cache
def _marks(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(hmac.new(key.encode(), b"seatledger", hashlib.sha256).hexdigest()[:_LENGTH] for key in keys)
