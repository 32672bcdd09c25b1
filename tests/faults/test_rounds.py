"""Whatever is killed, whenever: each run ends, each tenant is changed wholly or not at all, and nobody has to act.

`tests/faults/seed.py` says how to play other rounds, more of them, or one again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from . import rounds
from .seed import choose_seed, numbers, replay
from .world import World, a_world

pytestmark = pytest.mark.slow

_DATABASES = ("sqlite", "postgresql")
# So much of each log is told where a round fails.
_TOLD_CHARACTERS = 5000


class Worlds:
    """The worlds in which rounds are played, one for each database; one in which a round failed is not used again."""

    def __init__(self) -> None:
        self._worlds: dict[str, tuple[World, ExitStack]] = {}

    def of(self, database: str) -> World:
        if database not in self._worlds:
            stack = ExitStack()
            self._worlds[database] = stack.enter_context(a_world(database)), stack
        return self._worlds[database][0]

    def end(self, database: str) -> None:
        if database in self._worlds:
            self._worlds.pop(database)[1].close()


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    _tell(f"FAULT_SEED={choose_seed()}")
    found = Worlds()
    yield found
    for database in _DATABASES:
        found.end(database)


@pytest.mark.parametrize("number", numbers())
def test_whatever_happens_each_run_ends_and_each_tenant_is_whole(number: int, worlds: Worlds) -> None:
    database = _DATABASES[number % len(_DATABASES)]
    _tell(f"Round {number} on {database}; again: {replay(number)}")
    world = worlds.of(database)
    try:
        rounds.play(world, number, _tell)
    except BaseException as error:
        for name, said in world.new_log().items():
            error.add_note(f"{name} said at last:\n{said[-_TOLD_CHARACTERS:]}")
        error.add_note(f"Play this round again: {replay(number)}")
        worlds.end(database)
        raise


def _tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()
