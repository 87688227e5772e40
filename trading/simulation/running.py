"""One seed from noon to its verdict: the plan is played, the world heals, and everything that must hold is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from common import clock
from common.fields import canonical
from portfolios.models import Balance
from trading.models import IN_FLIGHT, Fill, FollowCommand, LeadEvent, LeadEventState, Order, OrderState
from trading.services.changing import cancel_all
from trading.services.fills import record_fills
from trading.simulation.invariants import halted_opens, wrongs
from trading.simulation.living import live_on
from trading.simulation.moves import perform
from trading.simulation.plan import Plan, draw
from trading.simulation.stage import NAMESPACE, stage
from trading.simulation.world import Broken, World
from trading.trigger_engine import TriggerEngine

# A healed world gets so many rounds of so many seconds each to finish everything.
ROUNDS, ROUND_SECONDS = 20, 11
# After so many of them, what still waits for a price is canceled.
WAITING_ROUNDS = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a plan; `failure` is "" where everything held, else "name: details" of the first thing that did not."""

    seed: int
    failure: str
    moves: int
    orders: int
    fills: int
    crashes: int
    stalls: int
    lost: int
    doubled: int
    digest: str
    seconds: float
    trace: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Return the failure's name."""
        return self.failure.partition(":")[0]

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["trace"]
        return facts

    def __str__(self) -> str:
        facts = f"{self.moves} moves, {self.orders} orders, {self.fills} fills, {self.crashes} crashes"
        more = f"{self.stalls} stalls, {self.lost} lost, {self.doubled} doubled, {self.digest}, {self.seconds:.2f} s"
        return f"seed {self.seed}: {self.failure or 'ok'} ({facts}, {more})"


def run_seed(seed: int) -> Verdict:
    """Draw the plan of a seed and play it."""
    return run_plan(draw(seed), seed)


def run_plan(plan: Plan, seed: int) -> Verdict:
    """Play a plan with the ids of a seed. Whatever a service raises that is no refusal is a failure, too."""
    world, began = World(stage(), plan, perform), clock.monotonic()
    with world.running(seed):
        failure = _failure_of(world)
        world.trace += _what_is_left()
        orders, fills = Order.objects.count(), Fill.objects.count()
    return Verdict(
        seed=seed,
        failure=failure,
        moves=len(plan),
        orders=orders,
        fills=fills,
        **world.counts,
        digest=world.digest(),
        seconds=clock.monotonic() - began,
        trace=tuple(world.trace),
    )


def _failure_of(world: World) -> str:
    try:
        world.play()
        found = _heal(world) + world.rules.at_rest() + wrongs(world.venue)
    except Broken as broken:
        return str(broken)
    except Exception as error:
        return f"raised: {type(error).__name__}: {error}"
    return found[0] if found else ""


def _heal(world: World) -> list[str]:
    """Let no fault strike any more, start every process afresh, and give all that waits its time; return what is wrong.

    What waits for prices has its owner cancel it, after what was halted had the time to go by itself; and what comes to
    wait later, as its answer is found out late.
    """
    world.waiting, world.fates = [], []
    world.venue.calm_down()
    world.engine = TriggerEngine(NAMESPACE)
    world.say("heals")
    found: list[str] = []
    for number in range(ROUNDS):
        live_on(world, ROUND_SECONDS)
        if number == WAITING_ROUNDS:
            found = halted_opens(world.venue)
        if number >= WAITING_ROUNDS:
            cancel_all(actor=world.people["alice"])
        # The newest first: a stream keeps no order that anything may rest on.
        while world.venue.stream:
            record_fills([world.venue.stream.pop()])
        world.ask_rules()
        if _is_quiet(world):
            return found
    return found


def _is_quiet(world: World) -> bool:
    return not (
        world.tasks
        or Order.objects.filter(state__in=[OrderState.PENDING, *IN_FLIGHT]).exists()
        or LeadEvent.objects.filter(state=LeadEventState.WAITING).exists()
        or FollowCommand.objects.filter(is_done=False).exists()
    )


def _what_is_left() -> Iterator[str]:
    """Yield what the rows say at the end: it belongs to what must repeat."""
    for row in Order.objects.order_by("pk").values_list("client_order_id", "side", "state", "code", "filled_quantity"):
        yield f"order {' '.join(map(str, row[:-1]))} {canonical(row[-1])}"
    for portfolio_id, asset, amount in Balance.objects.order_by("pk").values_list("portfolio_id", "asset_id", "amount"):
        yield f"balance {portfolio_id} {asset} {canonical(amount)}"
