"""How a site goes on by itself: beat, engine and workers do what is theirs, each a process that may die without the others."""

from __future__ import annotations

from collections.abc import Callable

from trading.models import Order
from trading.services.canceling import send_cancels
from trading.services.sweeping import run_due, sweep
from trading.simulation.stage import NAMESPACE
from trading.simulation.world import Crash, World
from trading.trigger_engine import TriggerEngine

# As often as the beat has it done.
SWEEP_SECONDS = 5.0
# Tasks may wake each other for ever only by mistake; then what they leave undone is told at the end.
_MOST_TASKS = 500


def live_on(world: World, seconds: float) -> None:
    """Let time pass, then look at prices, start what is due, sweep, and run every task that waits."""
    world.pass_time(seconds)
    world.announce()
    if not _survives(world.engine.look):
        world.engine = TriggerEngine(NAMESPACE)
    _survives(lambda: run_due(namespace=NAMESPACE, until=world.now))
    _survives(sweep)
    _survives(lambda: send_cancels(Order.objects.all()))
    for _ in range(_MOST_TASKS):
        if not world.tasks:
            return
        _survives(world.tasks.pop(0))


def _survives(work: Callable[[], object]) -> bool:
    try:
        work()
    except Crash:
        return False
    return True
