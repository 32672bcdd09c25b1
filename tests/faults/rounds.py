"""A round: tenants, a run, a disaster at some moment of it, service back, and what must hold then."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random

from tests.support.waiting import eventually
from webapp.models import PartState, RunState

from . import truth
from .disasters import DISASTERS, Disaster, a_web_worker_is_killed, everything_is_killed, the_web_is_killed
from .meanwhile import MEANWHILE, Meanwhile, its_data_is_deleted, its_integration_is_removed
from .seed import dice_of
from .stage import Stage, set_up
from .visitor import Seen
from .world import ENDS_WITHIN_SECONDS, World

Tell = Callable[[str], None]

# After these nobody answers for a moment.
_WITHOUT_WEB = {the_web_is_killed, a_web_worker_is_killed, everything_is_killed}
# How a worker says that it met what it should have known.
_UNFORESEEN = "an error that nobody foresaw"
# How each token of Microsoft's begins: `{"` in base64.
_TOKEN = "eyJ"


def disaster_of(number: int) -> Disaster:
    """All come before one comes again."""
    lap, place = divmod(number, len(DISASTERS))
    return dice_of(f"lap {lap}").sample(DISASTERS, len(DISASTERS))[place]


def play(world: World, number: int, tell: Tell) -> None:
    """Play the round. What happens is told; what does not hold fails."""
    dice, disaster = dice_of(number), disaster_of(number)
    meanwhile = dice.choice(MEANWHILE)
    tell(f"{disaster.__name__}, {meanwhile.__name__}")
    stage = set_up(world, dice)
    tell("set up")
    if dice.random() < 0.7:
        _undisturbed_run(stage, is_scheduled=False)
        tell("ran undisturbed")
        stage.change_some(dice, in_midst=False)
    stage.remember()
    tell(f"{len(stage.tenants)} tenants; {stage.break_some(dice)}")
    _disturbed_run(stage, dice, disaster, meanwhile, tell)
    _assert_discreet(stage)
    tell("checked")
    stage.mend()
    if meanwhile not in {its_data_is_deleted, its_integration_is_removed}:
        _undisturbed_run(stage, is_scheduled=dice.random() < 0.3)
    _assert_discreet(stage)
    tell("well")


def _disturbed_run(stage: Stage, dice: Random, disaster: Disaster, meanwhile: Meanwhile, tell: Tell) -> None:
    """A run in the midst of which something happens to it, and something to the machines."""
    world = stage.world
    comes_first, lasts, is_mended = dice.random() < 0.5, dice.uniform(0, 1.5), dice.random() < 0.5
    with world.visitor.watching() as seen:
        run_id = stage.begin()
        _await_moment(stage, run_id, dice)
        if comes_first:
            meanwhile(stage, run_id, dice)
        tell("begun")
        disaster(world, dice, run_id)
        tell("struck")
        threading.Event().wait(lasts)
        if is_mended:
            stage.mend()
        world.restore()
        tell("restored")
        if not comes_first:
            meanwhile(stage, run_id, dice)
        if meanwhile is its_data_is_deleted:
            eventually(lambda: _nothing_is_left(stage), ENDS_WITHIN_SECONDS)
        else:
            stage.await_end(run_id)
            tell(f"the run ended {stage.run(run_id).state}: {_told(stage, run_id)}")
        stage.await_answers()
        eventually(world.is_well, ENDS_WITHIN_SECONDS)
    _assert_clear(seen, may_be_away=disaster in _WITHOUT_WEB)
    if meanwhile is not its_data_is_deleted:
        _assert_none(stage.wrongs(run_id))


def _undisturbed_run(stage: Stage, *, is_scheduled: bool) -> None:
    """A run after which all tenants are OK, and are stored as they are."""
    run_id = stage.let_schedule_begin() if is_scheduled else stage.begin()
    stage.await_end(run_id)
    parts = stage.parts_of(run_id)
    _assert_none(
        f"tenant {part.tenant_id} is {part.state}: {part.reason}" for part in parts if part.state != PartState.OK
    )
    assert stage.run(run_id).state == RunState.OK
    assert len(parts) == len(stage.tenants)
    stage.versions = {tenant_id: [tenant] for tenant_id, tenant in stage.tenants.items()}
    stage.before = dict.fromkeys(stage.tenants, truth.Kept(truth.NOTHING, None))
    _assert_none(stage.wrongs(run_id))


def _await_moment(stage: Stage, run_id: int, dice: Random) -> None:
    """The moment when so many of the run's tenants have been begun, and a little later."""
    begun, later = dice.randint(0, len(stage.tenants)), dice.uniform(0, 0.4)
    eventually(lambda: _is_so_far(stage, run_id, begun), ENDS_WITHIN_SECONDS)
    threading.Event().wait(later)


def _is_so_far(stage: Stage, run_id: int, begun: int) -> bool:
    parts = stage.parts_of(run_id)
    return sum(part.attempts > 0 for part in parts) >= begun or not stage.run(run_id).state.is_active


def _nothing_is_left(stage: Stage) -> bool:
    with stage.world.looking():
        return not truth.rows_left(stage.integration_id)


def _told(stage: Stage, run_id: int) -> str:
    """What became of the run's tenants, in a line."""
    return str(dict(Counter(f"{part.state} {part.code}".strip() for part in stage.parts_of(run_id))))


def _assert_clear(seen: Sequence[Seen], *, may_be_away: bool) -> None:
    """Whoever looked at a page saw it, or one that says what is wrong."""
    bad = [one for one in seen if not one.is_clear and not (may_be_away and not one.status)]
    _assert_none(f"{one.page} answered {one.status}: {one.text[:300]}" for one in bad)


def _assert_discreet(stage: Stage) -> None:
    """Nobody was asked too early, no token went elsewhere, and no secret is in a log."""
    world = stage.world
    report = world.sandbox.requests()
    early = [entry for entry in report["requests"] if entry["early"]]
    _assert_none(f"{entry['route']} of {entry['tenant']} was asked too early at {entry['time']}" for entry in early)
    assert world.trap.visits == [], "somebody followed a link to another host"
    secrets = {stage.secret, world.settings.secret_key, *world.settings.encryption_keys, world.visitor.cookie, _TOKEN}
    for name, said in world.new_log().items():
        _assert_none(f"{name} tells {secret!r}" for secret in secrets if secret in said)
        assert _UNFORESEEN not in said, f"{name}: {said[said.index(_UNFORESEEN) :][:3000]}"


def _assert_none(wrongs: Iterable[str]) -> None:
    found = list(wrongs)
    assert not found, "\n".join(found[:20])
