"""Drift of follows (rules 21 and 22): looked at when it is due, in batches, and mended by orders that reduce first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from common.clock import market_now
from common.db import Slot, bulk_insert, bulk_update, locking
from common.prepared import Prepared
from common.tasks import enqueue
from engine.copying.drift import EVERY, Aim, is_seen_twice, needing_repair, needs_resync
from engine.copying.prices import is_within, price_cap
from engine.copying.settings import SizingMode
from engine.copying.sizing import share_of, weight_quantity
from engine.decimals import ZERO, floor_to_step
from markets.models import Instrument, MarketKind
from markets.prices import Price, latest_prices
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio, Position
from portfolios.selectors import STALE_AFTER, Worth, worth_of
from portfolios.services.books import lock_portfolios
from trading.due import MOST_DRIFTS, due_drifts
from trading.models import (
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
from trading.services.copy_scenes import capped_terms, is_dust_of, smallest_of
from trading.services.judging import halted
from trading.services.orders import Cause, new_order
from trading.services.resyncing import ask_resync

BATCH = MOST_DRIFTS


@dataclass(slots=True)
class _Standing:
    """A follow with what it holds and aims at, by instrument."""

    follow: Follow
    portfolio: Portfolio
    worth: Worth
    aims: dict[UUID, FollowPosition] = field(default_factory=dict)
    missed_events: int = 0
    unexplained_orders: int = 0

    def held(self, instrument_id: UUID) -> Decimal:
        return abs(self.worth.held(instrument_id))

    def is_long(self, instrument_id: UUID, leads: _Leads) -> bool:
        """Say on which side of the market a position lies; one that is to be opened lies on the lead's."""
        held = self.worth.held(instrument_id) or leads.held(self.follow.lead_id, instrument_id)
        return held >= ZERO


_MINE = Slot("follows")
_FOLLOWS = Prepared(lambda: locking(Follow.objects.filter(pk__among=_MINE)))
_AIMS = Prepared(lambda: FollowPosition.objects.filter(follow__among=_MINE))
_HELD = Prepared(
    lambda: Position.objects.filter(portfolio__among=Slot("portfolios")).values_list(
        "portfolio_id", "instrument_id", "quantity"
    )
)


@transaction.atomic
def check_drift(*, namespace: str) -> int:
    """Look at a batch of the follows whose drift is due, mend what is off for long enough, and return how many were looked at.

    A follow whose drift no order could mend is not looked at again before the lead's next event.
    """
    now = market_now(namespace)
    due = due_drifts(namespace, now)
    if not due:
        return 0
    follows = _FOLLOWS.found(follows=due)
    standings = _gather(follows)
    for standing in standings:
        standing.follow.drift_due_at = now + EVERY if standing.aims else None
    drifting = [one for one in standings if one.aims]
    if drifting:
        _look_closely(drifting, now)
    _resync_where_needed(standings, now)
    bulk_update(Follow, follows, ["drift_due_at"])
    return len(follows)


def _resync_where_needed(standings: Sequence[_Standing], now: datetime) -> None:
    """Have follows compared with their leads that missed too much, or that trades of others have changed (rule 23)."""
    asking = [
        one.follow
        for one in standings
        if needs_resync(missed_events=one.missed_events, unexplained_orders=one.unexplained_orders)
    ]
    if asking:
        ask_resync(asking, at=now)


def _gather(follows: Sequence[Follow]) -> list[_Standing]:
    """Return the follows with those of their aims that do not hold what they aim at, or follow the lead's weights."""
    portfolios = lock_portfolios(one.portfolio_id for one in follows)
    aims = _AIMS.found(follows=[one.pk for one in follows])
    rows = _HELD.rows(portfolios=portfolios)
    held = {(portfolio, instrument): abs(quantity) for portfolio, instrument, quantity in rows}
    by_follow: defaultdict[UUID, dict[UUID, FollowPosition]] = defaultdict(dict)
    place = {one.pk: one.portfolio_id for one in follows}
    for aim in aims:
        drifts = held.get((place[aim.follow_id], aim.instrument_id), ZERO) != aim.target
        if drifts or aim.drift_since is not None or aim.copying.sizing == SizingMode.WEIGHTS:
            by_follow[aim.follow_id][aim.instrument_id] = aim
    standings = {one.pk: _Standing(one, portfolios[one.portfolio_id], Worth(), by_follow[one.pk]) for one in follows}
    for aim in aims:
        standings[aim.follow_id].missed_events += aim.missed_events
        standings[aim.follow_id].unexplained_orders += aim.unexplained_orders
    return list(standings.values())


def _look_closely(standings: Sequence[_Standing], now: datetime) -> None:
    """Measure the drift of follows that have some; note when it was first seen, and mend what was seen twice."""
    worth = worth_of(one.portfolio for one in standings)
    for standing in standings:
        standing.worth = worth[standing.portfolio.pk]
    instruments = instruments_by_id({key for one in standings for key in one.aims})
    prices = latest_prices(instruments.values())
    leads = _Leads(standings)
    moving = set(
        Order.objects.filter(follow__among=[one.follow.pk for one in standings], state__in=UNFINISHED).values_list(
            "follow_id", "instrument_id"
        )
    )
    repairs: list[_Repair] = []
    for standing in standings:
        _align_weights(standing, leads, instruments, prices)
        standing.follow.drift_due_at = None
        measured = [
            _aim(standing, key, instruments[key], prices, now, (standing.follow.pk, key) in moving)
            for key in standing.aims
        ]
        positions = list(standing.aims.values())
        settings = [one.copying for one in positions]
        needed = needing_repair(measured, equity=max(standing.worth.equity, ZERO), settings=settings)
        for position, aim, is_off in zip(positions, measured, needed, strict=True):
            if aim.may_be_mended or position.copying.sizing == SizingMode.WEIGHTS:
                standing.follow.drift_due_at = now + EVERY
            if not is_off:
                position.drift_since = position.drift_since if aim.is_moving else None
            elif is_seen_twice(position.drift_since, now):
                repairs.append(_Repair(standing, position, instruments[position.instrument_id], aim))
                position.drift_since = None
            else:
                position.drift_since = position.drift_since or now
    _mend(repairs, leads, now)
    changed = [aim for one in standings for aim in one.aims.values()]
    bulk_update(FollowPosition, changed, ["drift_since", "target", "missed"])


def _aim(
    standing: _Standing,
    key: UUID,
    instrument: Instrument,
    prices: dict[UUID, Price],
    now: datetime,
    is_moving: bool,
) -> Aim:
    position, price = standing.aims[key], prices.get(key)
    held, at = standing.held(key), price.price if price else ZERO
    is_left_over = not position.target and is_dust_of(instrument, held, at)
    is_dark = price is None or now - price.at > STALE_AFTER
    return Aim(
        held=held,
        target=position.target,
        price=at,
        smallest=smallest_of(instrument, at),
        seen_at=position.drift_since,
        is_moving=is_moving or is_dark,
        is_left_alone=is_left_over or position.diverged_at is not None or position.stopped_at is not None,
    )


class _Leads:
    """What the leads of a batch of follows hold, and how far their events go."""

    def __init__(self, standings: Sequence[_Standing]) -> None:
        ids = {one.follow.lead_id for one in standings}
        positions = Position.objects.filter(portfolio__in=ids)
        self._positions = {(one.portfolio_id, one.instrument_id): one for one in positions}
        self._last = dict(LeadStream.objects.filter(portfolio__in=ids).values_list("portfolio_id", "last_seq"))
        weighing = {
            one.follow.lead_id
            for one in standings
            if any(aim.copying.sizing == SizingMode.WEIGHTS for aim in one.aims.values())
        }
        self._worth = worth_of(Portfolio.objects.filter(pk__in=weighing)) if weighing else {}

    def last_seq(self, lead_id: UUID) -> int:
        return self._last.get(lead_id, 0)

    def held(self, lead_id: UUID, instrument_id: UUID) -> Decimal:
        """Return what a lead holds, below zero for a short."""
        position = self._positions.get((lead_id, instrument_id))
        return position.quantity if position is not None else ZERO

    def average_price(self, lead_id: UUID, instrument_id: UUID) -> Decimal | None:
        """Return what the lead's position was opened at on average; None where it holds nothing."""
        position = self._positions.get((lead_id, instrument_id))
        return position.cost / position.quantity if position is not None and position.quantity else None

    def weight(self, lead_id: UUID, instrument_id: UUID, price: Decimal) -> Decimal | None:
        """Return the share of the lead's equity in an instrument; None where its equity is stale."""
        worth = self._worth.get(lead_id)
        if worth is None or worth.is_stale:
            return None
        return share_of(abs(worth.held(instrument_id)), price, worth.equity)


def _align_weights(
    standing: _Standing, leads: _Leads, instruments: dict[UUID, Instrument], prices: dict[UUID, Price]
) -> None:
    """Let positions that follow weights aim at what the lead's weight is now (rule 8)."""
    for key, aim in standing.aims.items():
        if aim.copying.sizing != SizingMode.WEIGHTS or aim.stopped_at is not None or key not in prices:
            continue
        price = prices[key].price
        if (weight := leads.weight(standing.follow.lead_id, key, price)) is not None:
            step, equity = instruments[key].lot_step, standing.worth.equity
            aim.target = weight_quantity(weight=weight, follower_equity=equity, price=price, lot_step=step)


@dataclass(slots=True)
class _Repair:
    standing: _Standing
    position: FollowPosition
    instrument: Instrument
    aim: Aim


def _mend(repairs: Sequence[_Repair], leads: _Leads, now: datetime) -> None:
    """Write the orders that bring what is held to what is aimed at: sales first, opens only near the lead's own entry (rule 22)."""
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    if not repairs:
        return
    follows = list({one.standing.follow.pk: one.standing.follow for one in repairs}.values())
    commands = FollowCommand.objects.bulk_create(
        [FollowCommand(follow=one, kind=FollowCommandKind.REPAIR, due_at=now, is_done=True) for one in follows]
    )
    causes = {one.follow_id: Cause(CauseKind.FOLLOW_COMMAND, str(one.pk)) for one in commands}
    reducing = {one.standing.follow.pk for one in repairs if one.aim.drift > ZERO}
    orders: list[Order] = []
    for one in repairs:
        follow = one.standing.follow
        is_open = one.aim.drift < ZERO
        if is_open and (follow.pk in reducing or follow.state != FollowState.ACTIVE or follow.frozen_at is not None):
            # Reduce first: the next look opens, if it is still needed then.
            continue
        terms = _opening_terms(one, leads) if is_open else PLAIN
        if terms is None:
            _miss(one)
            continue
        orders.append(
            repair_order(
                standing=(one.standing.portfolio, follow),
                instrument=one.instrument,
                drift=one.aim.drift,
                is_long=one.standing.is_long(one.instrument.pk, leads),
                cause=causes[follow.pk],
                seq=leads.last_seq(follow.lead_id),
                terms=terms,
            )
        )
    # While anything is halted, repair emits nothing (model.md 12).
    stopped = {order.pk for order in halted(orders)} if orders else set()
    sent = [order for order in orders if order.pk not in stopped]
    bulk_insert(Order, sent, ignore_conflicts=True)
    for cause_id in sorted({order.cause_id for order in sent}):
        enqueue(execute_orders, CauseKind.FOLLOW_COMMAND, cause_id)


def repair_order(
    *,
    standing: tuple[Portfolio, Follow],
    instrument: Instrument,
    drift: Decimal,
    is_long: bool,
    cause: Cause,
    seq: int,
    terms: OrderTerms,
) -> Order:
    """Return an order, unsaved, that takes a drift (base units; positive: too much is held) off a position."""
    portfolio, follow = standing
    leg = Leg.CLOSE if drift > ZERO else Leg.OPEN
    return new_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.BUY if (leg == Leg.OPEN) == is_long else Side.SELL,
        leg=leg,
        quantity=floor_to_step(abs(drift), instrument.lot_step),
        cause=cause,
        follow=follow,
        seq=seq,
        terms=terms,
    )


def _opening_terms(one: _Repair, leads: _Leads) -> OrderTerms | None:
    """Return the terms of a repair that opens; None where the market is too far from the lead's entry, or the lead holds nothing."""
    market = one.instrument.market
    is_spot, is_buy = market.kind == MarketKind.SPOT, one.standing.is_long(one.instrument.pk, leads)
    cap = price_cap(base=market.base_id, is_spot=is_spot, chosen=one.position.copying.price_cap)
    entry = leads.average_price(one.standing.follow.lead_id, one.instrument.pk)
    if entry is None or not is_within(one.aim.price, entry, cap, is_buy=is_buy):
        return None
    return capped_terms(entry, cap, is_buy=is_buy, tick=one.instrument.tick_size)


def _miss(one: _Repair) -> None:
    """Give up what the market no longer offers near the lead's entry: it returns only in a plan that the follower accepts."""
    one.position.missed += one.aim.target - one.aim.held
    one.position.target = one.aim.held
