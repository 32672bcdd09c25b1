"""What each kind of fault does to an answer."""

from __future__ import annotations

from sandbox.fault_errors import ERRORS
from sandbox.messages import Answer
from sandbox.spoiled_answers import SPOILED
from sandbox.struck import Struck

_EFFECTS = {**ERRORS, **SPOILED}


def faulty_answer(struck: Struck) -> Answer:
    """The answer that the fault makes of it."""
    return _EFFECTS[struck.fault.kind](struck)
