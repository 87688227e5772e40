"""Comparing a follow with its lead as a whole (rules 3, 23, 24): a plan that anybody may look at, and the commands that carry it out.

By itself a comparison only reduces. What was missed is opened after all when the follower has accepted the plan (model.md 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit, notify
from common.clock import market_now
from common.db import bulk_insert, bulk_save, lock_rows
from common.errors import DomainError
from common.realtime import publish
from common.tasks import enqueue
from engine.copying.drift import APART
from engine.copying.prices import price_cap
from engine.copying.settings import SizingMode
from engine.copying.sizing import share_of, weight_quantity
from engine.decimals import ZERO
from engine.sizing import open_quantity
from markets.models import Instrument, MarketKind
from markets.prices import Price, latest_prices
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from portfolios.services.books import lock_portfolios
from trading.follow_models import StopMode
from trading.models import (
    MIRRORING,
    UNFINISHED,
    CauseKind,
    Follow,
    FollowCommand,
    FollowCommandKind,
    FollowPosition,
    FollowState,
    LeadStream,
    Leg,
    Order,
    Side,
)
from trading.order_terms import PLAIN, OrderTerms
from trading.services.copy_scenes import capped_terms, smallest_of
from trading.services.judging import halted
from trading.services.orders import Cause, new_order

EVENT = "follow.out_of_step"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One instrument of a follow: what it holds, what it should hold beside its lead, and what that changes (base units).

    `target` is what it aims at without a plan. `is_sent`: the change is worth an order. `price` is None while there is none.
    """

    instrument: Instrument
    held: Decimal
    target: Decimal
    wanted: Decimal
    price: Decimal | None
    is_diverged: bool
    is_long: bool

    @property
    def change(self) -> Decimal:
        return self.wanted - self.held

    @property
    def is_sent(self) -> bool:
        if self.price is None or not self.change:
            return False
        # What is closed whole is closed, dust included.
        return not self.wanted or abs(self.change) * self.price >= smallest_of(self.instrument, self.price)


def drift_plan(follow: Follow) -> list[PlanLine]:
    """Return what would bring the follow in step with its lead, by symbol; what it has not followed from its opening is left out."""
    aims = {one.instrument_id: one for one in FollowPosition.objects.filter(follow=follow)}
    books = Portfolio.objects.in_bulk([follow.portfolio_id, follow.lead_id])
    worth = worth_of(books.values())
    mine, lead = worth[follow.portfolio_id], worth[follow.lead_id]
    held = {one.position.instrument_id: one.position.quantity for one in mine.holdings}
    instruments = instruments_by_id(aims.keys() | held.keys())
    prices = latest_prices(instruments.values())
    lines = []
    for key, instrument in instruments.items():
        aim = aims.get(key) or FollowPosition(follow=follow, instrument_id=key)
        price = prices.get(key)
        led, own = lead.held(key), held.get(key, ZERO)
        # What lies on the other side of the market than the lead's is no part of it: that is closed first.
        wanted = _wanted(aim, instrument, price, abs(led) if led * own >= ZERO else ZERO, (lead.equity, mine.equity))
        line = PlanLine(
            instrument=instrument,
            held=abs(own),
            target=aim.target,
            wanted=wanted,
            price=price.price if price else None,
            is_diverged=aim.diverged_at is not None,
            # What is to be opened lies on the lead's side of the market.
            is_long=(own or led) >= ZERO,
        )
        if line.held or line.wanted:
            lines.append(line)
    return sorted(lines, key=lambda line: line.instrument.symbol)


def _wanted(
    aim: FollowPosition, instrument: Instrument, price: Price | None, led: Decimal, equities: tuple[Decimal, Decimal]
) -> Decimal:
    """Return what a follow should hold: what it was to have, missed or not, and never more than its part of what the lead holds."""
    if not led:
        return ZERO
    if aim.copying.sizing == SizingMode.WEIGHTS and price is not None:
        weight = share_of(led, price.price, equities[0])
        step = instrument.lot_step
        return weight_quantity(weight=weight, follower_equity=equities[1], price=price.price, lot_step=step)
    part = open_quantity(lead_quantity=led, ratio=aim.ratio, lot_step=instrument.lot_step)
    return min(
        open_quantity(lead_quantity=aim.target + aim.missed, ratio=Decimal(1), lot_step=instrument.lot_step), part
    )


def ask_resync(follows: Sequence[Follow], *, at: datetime) -> None:
    """Have locked follows compared with their leads, each once however often it is asked for."""
    from trading.tasks import run_follow_command  # the task's body calls services: one of the two must look late

    kind, ids = FollowCommandKind.RESYNC, [one.pk for one in follows]
    undone = FollowCommand.objects.filter(follow__among=ids, kind=kind, is_done=False)
    known = set(undone.values_list("follow_id", flat=True))
    bulk_insert(FollowCommand, [FollowCommand(follow_id=pk, kind=kind, due_at=at) for pk in ids if pk not in known])
    for command_id in sorted(undone.exclude(follow__in=known).values_list("pk", flat=True)):
        enqueue(run_follow_command, command_id)


def accept_plan(*, actor: User, follow: Follow) -> FollowCommand:
    """Bring a follow in step with its lead by what `drift_plan` shows: reductions, and opens within the cap of the market's price."""
    from trading.tasks import run_follow_command  # likewise

    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk).select_related("lead"))[0]
        if locked.state not in (FollowState.ACTIVE, FollowState.PAUSED):
            message = "Only a follow that goes on can be brought in step; this one is ending or has ended."
            raise DomainError("FOLLOW_STATE", message, {"state": locked.state}, status=409)
        undone = FollowCommand.objects.filter(follow=locked, kind=FollowCommandKind.CATCH_UP, is_done=False)
        command = undone.first() or FollowCommand.objects.create(
            follow=locked, kind=FollowCommandKind.CATCH_UP, due_at=market_now(locked.lead.namespace)
        )
        audit(action="follow.plan_accepted", obj=locked, actor=actor, after={"command": command.pk})
        enqueue(run_follow_command, command.pk)
    return command


@transaction.atomic
def resync(*, command_id: int) -> None:
    """Carry a comparison out; while an order of the follow is under way it waits. Run again, a command that is done does nothing."""
    from trading.tasks import execute_orders  # likewise

    follow_id = FollowCommand.objects.values_list("follow", flat=True).get(pk=command_id)
    follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related("lead", "follower"))[0]
    follow.portfolio = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    command = FollowCommand.objects.select_for_update(no_key=True).get(pk=command_id)
    if command.is_done:
        return
    if follow.state not in MIRRORING or follow.stop_mode in (StopMode.CLOSE_NOW, StopMode.KEEP):
        # It ended meanwhile, or ends by itself: what it holds is its follower's to keep.
        command.is_done = True
        command.save(update_fields=["is_done"])
        return
    now = market_now(follow.lead.namespace)
    if Order.objects.filter(follow=follow, state__in=UNFINISHED).exists():
        command.due_at = now + APART
        command.save(update_fields=["due_at"])
        return
    opens = command.kind == FollowCommandKind.CATCH_UP
    lines = drift_plan(follow)
    orders = _orders(follow, lines, Cause(CauseKind.FOLLOW_COMMAND, str(command.pk)), opens=opens)
    _aim_anew(follow, lines, opens=opens)
    bulk_insert(Order, orders, ignore_conflicts=True)
    follow.frozen_at, command.is_done = None, True
    follow.save(update_fields=["frozen_at"])
    command.save(update_fields=["is_done"])
    if not opens and any(line.is_sent and line.change > ZERO for line in lines):
        facts = {"portfolio": str(follow.portfolio_id), "name": follow.lead.name}
        notify(user=follow.follower, event=EVENT, context=facts)
    enqueue(execute_orders, CauseKind.FOLLOW_COMMAND, str(command.pk))
    publish([(f"portfolio:{follow.portfolio_id}", {"refresh": ["follow", "orders"]})])


def _orders(follow: Follow, lines: Sequence[PlanLine], cause: Cause, *, opens: bool) -> list[Order]:
    """Return the orders of a plan, what reduces first; of what diverged only where the plan was accepted."""
    seq = LeadStream.objects.get(portfolio_id=follow.lead_id).last_seq
    caps = {one.instrument_id: one.copying.price_cap for one in FollowPosition.objects.filter(follow=follow)}
    may_open = opens and follow.state == FollowState.ACTIVE
    orders = []
    for line in sorted(lines, key=lambda one: one.change):
        is_open = line.change > ZERO
        if not line.is_sent or (is_open and not may_open) or (line.is_diverged and not opens):
            continue
        leg = Leg.OPEN if is_open else Leg.CLOSE
        is_buy = is_open == line.is_long
        orders.append(
            new_order(
                portfolio=follow.portfolio,
                instrument=line.instrument,
                side=Side.BUY if is_buy else Side.SELL,
                leg=leg,
                quantity=abs(line.change),
                cause=cause,
                follow=follow,
                closed_fraction=Decimal(1) if not line.wanted else None,
                seq=seq,
                terms=_terms(line, caps.get(line.instrument.pk), is_buy=is_buy) if is_open else PLAIN,
            )
        )
    # While anything is halted, repair emits nothing (model.md 12).
    stopped = {order.pk for order in halted(orders)} if orders else set()
    return [order for order in orders if order.pk not in stopped]


def _terms(line: PlanLine, chosen: Decimal | None, *, is_buy: bool) -> OrderTerms:
    market = line.instrument.market
    cap = price_cap(base=market.base_id, is_spot=market.kind == MarketKind.SPOT, chosen=chosen)
    assert line.price is not None, "what has no price is not sent"
    return capped_terms(line.price, cap, is_buy=is_buy, tick=line.instrument.tick_size)


def _aim_anew(follow: Follow, lines: Sequence[PlanLine], *, opens: bool) -> None:
    """Let a follow aim at what the plan makes of it; an accepted plan ends what was missed and what diverged."""
    aims = {one.instrument_id: one for one in FollowPosition.objects.filter(follow=follow)}
    by_key = {line.instrument.pk: line for line in lines}
    for key in by_key.keys() - aims.keys():
        aims[key] = FollowPosition(follow=follow, instrument=by_key[key].instrument, settings=follow.settings)
    may_open = opens and follow.state == FollowState.ACTIVE
    for key, aim in aims.items():
        line = by_key.get(key)
        wanted = line.wanted if line else ZERO
        aim.missed_events = aim.unexplained_orders = 0
        if not opens:
            aim.target = min(aim.target, wanted)
            continue
        held = line.held if line else ZERO
        sent = line is not None and line.is_sent and (may_open or line.change < ZERO)
        aim.target, aim.missed = (wanted, ZERO) if sent else (min(held, wanted), max(wanted - held, ZERO))
        aim.diverged_at = aim.drift_since = aim.stopped_at = None
    fields = ("target", "missed", "missed_events", "unexplained_orders", "diverged_at", "drift_since", "stopped_at")
    bulk_save(FollowPosition, list(aims.values()), fields)
