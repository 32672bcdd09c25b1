"""What the rounds of the fault test are made from: a seed, and how many of them or which one.

`FAULT_SEED` is a number; without it one is drawn, and told at the start. `FAULT_ROUNDS` is how many rounds there are.
`FAULT_ROUND` plays one of them alone, the same as in the whole: a round follows from the seed and its own number.
"""

from __future__ import annotations

import os
import secrets
from random import Random

ROUNDS = 25


def choose_seed() -> str:
    """The seed; once drawn it is in the environment, so that the processes among which tests are shared have one."""
    return os.environ.setdefault("FAULT_SEED", str(secrets.randbelow(1_000_000)))


def numbers() -> list[int]:
    """The rounds to play."""
    alone = os.environ.get("FAULT_ROUND", "")
    return [int(alone)] if alone else list(range(int(os.environ.get("FAULT_ROUNDS") or ROUNDS)))


def dice_of(number: int | str) -> Random:
    """The dice of one round, or of what all of them share."""
    return Random(f"{choose_seed()}/{number}")


def replay(number: int) -> str:
    """The command that plays this round again."""
    return f"FAULT_SEED={choose_seed()} FAULT_ROUND={number} .venv/bin/python -m pytest tests/faults -s"
