"""What people do, and what happens at Microsoft, in the midst of a run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from jobs import queue
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.integrations import removing, running
from webapp.models import Integration, Removal

from .stage import Stage

Meanwhile = Callable[[Stage, int, Random], None]


def nobody_does_anything(stage: Stage, run_id: int, dice: Random) -> None:
    """The run is left alone."""


def tenants_change(stage: Stage, run_id: int, dice: Random) -> None:
    stage.change_some(dice, in_midst=True)


def tenants_are_added(stage: Stage, run_id: int, dice: Random) -> None:
    """Somebody pastes a list of tenants, some of which the integration reaches already."""
    stage.add_some(dice)


def it_is_started_again(stage: Stage, run_id: int, dice: Random) -> None:
    """It is the same run, unless that has ended."""
    if stage.run(run_id).state.is_active:
        with stage.world.looking():
            queue.sync(run_id)


def it_is_cancelled(stage: Stage, run_id: int, dice: Random) -> None:
    with stage.world.looking():
        _cancel(run_id)


def its_integration_is_removed(stage: Stage, run_id: int, dice: Random) -> None:
    """The data is kept."""
    with stage.world.looking():
        _remove(stage.integration_id, Removal.KEEP)


def its_data_is_deleted(stage: Stage, run_id: int, dice: Random) -> None:
    with stage.world.looking():
        _remove(stage.integration_id, Removal.DELETE)


# The more often one stands here, the more often it happens.
MEANWHILE: tuple[Meanwhile, ...] = (
    *(nobody_does_anything,) * 3,
    *(tenants_change,) * 6,
    *(it_is_started_again,) * 2,
    *(tenants_are_added,) * 2,
    it_is_cancelled,
    its_integration_is_removed,
    its_data_is_deleted,
)


@in_turn
def _cancel(run_id: int) -> None:
    running.cancel(run_id, "somebody")


@in_turn
def _remove(integration_id: int, what: Removal) -> None:
    removing.remove(integration_id, what, db.session.get_one(Integration, integration_id).name)
