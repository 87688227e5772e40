"""What each move of a plan does: people act through services, workers run tasks, faults are laid where they will strike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from common.errors import DomainError
from engine.decimals import floor_to_step
from markets.models import Instrument
from portfolios.models import Portfolio, Position
from portfolios.services.cash import deposit, withdraw
from trading.follow_models import StopMode
from trading.kinds import OrderKind, TimeInForce
from trading.models import RESTING, CauseKind, Follow, Leg, Order, SafetyLevel, ScopeKind, Side
from trading.order_terms import OrderTerms
from trading.selectors import waiting_by_hand
from trading.services.canceling import send_cancels
from trading.services.changing import cancel_order, modify_order
from trading.services.fills import record_fills
from trading.services.follows import pause_follow, resume_follow, start_follow, stop_follow
from trading.services.orders import Cause, place_hand_order, place_pair, submit_order
from trading.services.reconciliation import resolve_abandoned
from trading.services.safety import set_safety
from trading.services.sweeping import run_due, sweep
from trading.simulation import on_margin
from trading.simulation.living import SWEEP_SECONDS, live_on
from trading.simulation.plan import BOUNDARIES, FAULTS, Move
from trading.simulation.stage import BASE_PRICES, NAMESPACE, PEOPLE, follow_settings
from trading.simulation.venue import Fault
from trading.simulation.world import Crash, Strike, World, name_of
from trading.trigger_engine import TriggerEngine

_LEVELS = (SafetyLevel.ACTIVE, SafetyLevel.REDUCING, SafetyLevel.HALTED)
# The lowest price of the walk, as a share of the base price; each step is a thousandth of it.
_LOWEST, _THOUSANDTH = Decimal("0.94"), Decimal("0.001")


def perform(world: World, move: Move) -> str:
    """Make one move come true and say what came of it. What a process that dies held in memory is gone."""
    try:
        return _DOES[move.name](world, *move.numbers)
    except DomainError as refusal:
        return refusal.code
    except Crash:
        if move.name in ("price", "jump", "look"):
            world.engine = TriggerEngine(NAMESPACE)
        return "died"


# --- people -------------------------------------------------------------------------------------------------------------
def _hand_order(world: World, side: Side, book: int, instrument: int, lots: int) -> str:
    traded = world.instruments[instrument]
    order = place_hand_order(
        actor=world.people["alice"],
        portfolio=world.book(book),
        instrument=traded,
        side=side,
        quantity=lots * traded.lot_step * (10 if instrument else 1),
    )
    return order.state


def _buy(world: World, book: int, instrument: int, lots: int) -> str:
    return _hand_order(world, Side.BUY, book, instrument, lots)


def _sell(world: World, book: int, instrument: int, lots: int) -> str:
    return _hand_order(world, Side.SELL, book, instrument, lots)


def _named_price(traded: Instrument, step: int) -> Decimal:
    return floor_to_step(BASE_PRICES[traded.market.base_id] * (_LOWEST + step * _THOUSANDTH), traded.tick_size)


def _wait_for(world: World, book: int, instrument: int, side: int, lots: int, terms: OrderTerms) -> str:
    traded = world.instruments[instrument]
    order = place_hand_order(
        actor=world.people["alice"],
        portfolio=world.book(book),
        instrument=traded,
        side=(Side.BUY, Side.SELL)[side],
        quantity=_some(traded, instrument, lots),
        terms=terms,
    )
    return order.state


def _some(traded: Instrument, instrument: int, lots: int) -> Decimal:
    step: Decimal = traded.lot_step
    return lots * step * (10 if instrument else 1)


def _limit(world: World, book: int, instrument: int, side: int, lots: int, step: int, number: int) -> str:
    """Place a limit: three in six wait for ever, the others a while, as makers only, or not at all."""
    price = _named_price(world.instruments[instrument], step)
    ways: tuple[dict[str, Any], ...] = (
        {"time_in_force": TimeInForce.GTD, "expires_at": world.now + timedelta(seconds=60)},
        {"post_only": True},
        {"time_in_force": TimeInForce.IOC},
    )
    way = ways[number] if number < len(ways) else {}
    return _wait_for(world, book, instrument, side, lots, OrderTerms(kind=OrderKind.LIMIT, limit_price=price, **way))


def _stop(world: World, book: int, instrument: int, side: int, lots: int, step: int, number: int) -> str:
    """Place what waits for a trigger; a sale only reduces, every other time."""
    price, reduces = _named_price(world.instruments[instrument], step), bool(side and lots % 2)
    kinds = (
        OrderTerms(kind=OrderKind.STOP, trigger_price=price, reduce_only=reduces),
        OrderTerms(kind=OrderKind.TAKE_PROFIT, trigger_price=price, reduce_only=reduces),
        OrderTerms(kind=OrderKind.STOP_LIMIT, trigger_price=price, limit_price=price, reduce_only=reduces),
        OrderTerms(kind=OrderKind.TRAILING_STOP, trail_bps=Decimal(100), reduce_only=reduces),
    )
    return _wait_for(world, book, instrument, side, lots, kinds[number])


def _pair(world: World, book: int, instrument: int, lots: int, above: int, below: int) -> str:
    traded = world.instruments[instrument]
    orders = place_pair(
        actor=world.people["alice"],
        portfolio=world.book(book),
        instrument=traded,
        side=Side.SELL,
        quantity=_some(traded, instrument, lots),
        limit_price=_named_price(traded, max(above, below)),
        stop_price=_named_price(traded, min(above, below)),
    )
    return orders[0].state


def _bracket(world: World, book: int, instrument: int, lots: int, step: int) -> str:
    """Place an entry whose stop and target are two in a hundred away."""
    traded = world.instruments[instrument]
    entry, stop, target = (_named_price(traded, one) for one in (step, step - 20, step + 20))
    terms = OrderTerms(kind=OrderKind.LIMIT, limit_price=entry, stop_price=stop, target_price=target)
    return _wait_for(world, book, instrument, 0, lots, terms)


def _one_that_waits(world: World, number: int) -> Order | None:
    mine = waiting_by_hand(world.people["alice"]).order_by("pk")
    found = list(mine.filter(state__in=RESTING)) or list(mine)
    return found[number % len(found)] if found else None


def _cancel(world: World, number: int) -> str:
    order = _one_that_waits(world, number)
    if order is None:
        return "nothing waits"
    canceled = cancel_order(actor=world.people["alice"], order=order)
    if canceled.is_under_way_at_venue and number % 2:
        world.venue.cancel_faults.appendleft(Fault("cancel_lost"))
    return canceled.state


def _change(world: World, number: int, step: int, twice: int, tenths: int) -> str:
    order = _one_that_waits(world, number)
    if order is None:
        return "nothing waits"
    price = _named_price(order.instrument, step)
    name = "trigger_price" if order.limit_price is None else "limit_price"
    quantity = order.quantity * 2 if twice == 0 else None
    changed = modify_order(actor=world.people["alice"], order=order, quantity=quantity, **{name: price})
    if changed.replaces_id is not None and tenths:
        world.venue.cancel_faults.appendleft(Fault("cancel_races", (tenths,)))
    return changed.state


def _ask_back(world: World) -> str:
    return f"{send_cancels(Order.objects.all())} asked back"


def _run_buys(world: World, book: int, instrument: int, lots: int, stop: int) -> str:
    traded = world.instruments[instrument]
    quantity = lots * traded.lot_step * (10 if instrument else 1)
    return _run_order(world, book, instrument, Side.BUY, quantity, stop_loss_ratio=stop * _THOUSANDTH)


def _run_sells(world: World, book: int, instrument: int) -> str:
    held = Position.objects.filter(portfolio=world.book(book), instrument=world.instruments[instrument]).first()
    if held is None or not held.quantity:
        return "nothing held"
    return _run_order(world, book, instrument, Side.SELL, held.quantity, closed_fraction=Decimal(1))


def _run_order(
    world: World,
    book: int,
    instrument: int,
    side: Side,
    quantity: Decimal,
    *,
    stop_loss_ratio: Decimal | None = None,
    closed_fraction: Decimal | None = None,
) -> str:
    """Order as a strategy's run does: without being refused at once, with a stop, or closing all that is held."""
    order = submit_order(
        portfolio=world.book(book),
        instrument=world.instruments[instrument],
        side=side,
        leg=Leg.OPEN if side == Side.BUY else Leg.CLOSE,
        quantity=quantity,
        cause=Cause(CauseKind.RUN, f"run:{Order.objects.count()}"),
        stop_loss_ratio=stop_loss_ratio,
        closed_fraction=closed_fraction,
    )
    return order.state


def _follow(world: World, person: int, lead: int, amount: int, tenths: int) -> str:
    follower = world.people[PEOPLE[person]]
    source = Portfolio.objects.get(owner=follower, name="Cash")
    settings = follow_settings(tenths)
    start_follow(follower=follower, lead=world.book(lead), source=source, amount=Decimal(amount), settings=settings)
    return f"{PEOPLE[person]} follows by {settings['sizing']}"


def _a_follow(number: int) -> Follow:
    follows = list(Follow.objects.select_related("follower", "portfolio", "lead").order_by("pk"))
    return follows[number % len(follows)]


def _pause_follow(world: World, number: int) -> str:
    follow = _a_follow(number)
    return pause_follow(actor=follow.follower, follow=follow).state


def _resume_follow(world: World, number: int) -> str:
    follow = _a_follow(number)
    return resume_follow(actor=follow.follower, follow=follow).state


def _stop_follow(world: World, number: int, mode: int) -> str:
    follow = _a_follow(number)
    return stop_follow(actor=follow.follower, follow=follow, mode=list(StopMode)[mode]).state


def _deposit(world: World, book: int, amount: int) -> str:
    deposit(actor=world.people["alice"], portfolio=world.book(book), amount=Decimal(amount))
    return "paid in"


def _withdraw(world: World, book: int, amount: int) -> str:
    withdraw(actor=world.people["alice"], portfolio=world.book(book), amount=Decimal(amount))
    return "paid out"


def _halt(world: World, level: int) -> str:
    chosen, operator = _LEVELS[level], world.people["operator"]
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=chosen, reason="simulated")
    return chosen


# --- time, prices and workers -------------------------------------------------------------------------------------------
def _tick(world: World, seconds: int) -> str:
    world.pass_time(seconds)
    world.announce()
    return ""


def _wait(world: World, seconds: int) -> str:
    """Time passes, and nobody tells a price: what is known grows stale."""
    world.pass_time(seconds)
    return ""


def _live(world: World, seconds: int) -> str:
    began = world.now
    while (left := seconds - (world.now - began).total_seconds()) > 0:
        live_on(world, min(left, SWEEP_SECONDS))
    return ""


def _meanwhile(world: World, moves: int) -> str:
    world.play(moves)
    return ""


def _price(world: World, instrument: int, step: int) -> str:
    traded = world.instruments[instrument]
    return world.move_price(traded, BASE_PRICES[traded.market.base_id] * (_LOWEST + step * _THOUSANDTH))


def _work(world: World, number: int) -> str:
    if not world.tasks:
        return "nothing waits"
    call = world.tasks.pop(number % len(world.tasks))
    call()
    return name_of(call)


def _sweep(world: World) -> str:
    return f"{sweep()} found"


def _reconcile(world: World) -> str:
    return f"{resolve_abandoned()} asked about"


def _due(world: World) -> str:
    return f"{run_due(namespace=NAMESPACE, until=world.now)} due"


def _look(world: World) -> str:
    world.engine.look()
    return ""


def _hear(world: World, number: int, again: int) -> str:
    """Book what the venue's stream says: in any order, now and then more than once."""
    stream = world.venue.stream
    if not stream:
        return "silence"
    index = number % len(stream)
    fill = stream[index] if again == 0 else stream.pop(index)
    return f"{len(record_fills([fill]))} booked"


# --- faults -------------------------------------------------------------------------------------------------------------
def _crash(world: World, boundary: int, passes: int) -> str:
    world.waiting.append(Strike(BOUNDARIES[boundary], passes))
    return f"at {BOUNDARIES[boundary]!r}"


def _stall(world: World, boundary: int, passes: int, moves: int) -> str:
    world.waiting.append(Strike(BOUNDARIES[boundary], passes, Move("meanwhile", (moves,))))
    return f"at {BOUNDARIES[boundary]!r}"


def _sleep(world: World, boundary: int, passes: int, seconds: int) -> str:
    world.waiting.append(Strike(BOUNDARIES[boundary], passes, Move("live", (seconds,))))
    return f"at {BOUNDARIES[boundary]!r}"


def _restart(world: World) -> str:
    """The one process of an embedded site ends: its queue and its engine are gone."""
    lost, world.tasks = len(world.tasks), []
    world.engine = TriggerEngine(NAMESPACE)
    world.engine.refresh()
    return f"{lost} tasks gone"


def _lose(world: World, tasks: int) -> str:
    world.fates.append((tasks, "lose"))
    return ""


def _double(world: World, tasks: int) -> str:
    world.fates.append((tasks, "double"))
    return ""


def _outage(world: World, seconds: int) -> str:
    world.venue.away_until = world.now + timedelta(seconds=seconds)
    return ""


def _skew(world: World, seconds: int) -> str:
    world.venue.skew = timedelta(seconds=seconds)
    return ""


def _deaf(world: World, messages: int) -> str:
    world.venue.lost_messages += messages
    return ""


def _question_lost(world: World) -> str:
    world.venue.lost_questions += 1
    return ""


def _answers_slowly(world: World, rejects: int, seconds: int, tenths: int) -> str:
    """Let an answer be so slow that the order may be sent again meanwhile, and that one not be done yet."""
    world.venue.faults.append(Fault("answers_slowly", (rejects, seconds)))
    if tenths:
        world.venue.faults.append(Fault("fills_in_parts", (tenths, 60)))
    return ""


def _on_cancels(name: str) -> Callable[..., str]:
    """Return a move that lays a fault for the next cancel that is sent."""

    def lay(world: World, *numbers: int) -> str:
        world.venue.cancel_faults.append(Fault(name, numbers))
        return ""

    return lay


def _on_the_way(name: str) -> Callable[..., str]:
    """Return a move that lays a fault for the next order that is sent."""

    def lay(world: World, *numbers: int) -> str:
        world.venue.faults.append(Fault(name, numbers))
        return ""

    return lay


_DOES: dict[str, Callable[..., str]] = {
    **{name: _on_the_way(name) for name in FAULTS},
    **{name: _on_cancels(name) for name in FAULTS if name.startswith("cancel_")},
    **on_margin.DOES,
    "limit": _limit,
    "stop": _stop,
    "pair": _pair,
    "bracket": _bracket,
    "cancel": _cancel,
    "change": _change,
    "ask_back": _ask_back,
    "buy": _buy,
    "sell": _sell,
    "run_buys": _run_buys,
    "run_sells": _run_sells,
    "follow": _follow,
    "pause_follow": _pause_follow,
    "resume_follow": _resume_follow,
    "stop_follow": _stop_follow,
    "deposit": _deposit,
    "withdraw": _withdraw,
    "halt": _halt,
    "tick": _tick,
    "wait": _wait,
    "live": _live,
    "meanwhile": _meanwhile,
    "price": _price,
    "work": _work,
    "sweep": _sweep,
    "reconcile": _reconcile,
    "due": _due,
    "look": _look,
    "hear": _hear,
    "crash": _crash,
    "stall": _stall,
    "sleep": _sleep,
    "answers_slowly": _answers_slowly,
    "deaf": _deaf,
    "restart": _restart,
    "lose": _lose,
    "double": _double,
    "outage": _outage,
    "skew": _skew,
    "question_lost": _question_lost,
}
