"""Journey A's middle: from one lead event to one order row per follower, in batches, strictly by seq."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import connection, transaction
from django.db.models import PositiveBigIntegerField, QuerySet, UUIDField

from common.bus import hint
from common.clock import market_now
from common.db import Slot, bulk_insert, bulk_save, bulk_update, locking
from common.ids import deterministic_id
from common.prepared import Prepared
from common.realtime import publish
from common.tasks import enqueue
from engine.copying.drift import EVERY, has_gap
from engine.decimals import ZERO
from markets.prices import Price, latest_prices
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from portfolios.services.books import lock_portfolios
from portfolios.services.margin import adopt_terms
from trading.models import (
    IN_FLIGHT,
    MIRRORING,
    UNFINISHED,
    CauseKind,
    Follow,
    FollowPosition,
    LeadEvent,
    LeadEventState,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.services.copy_orders import Copyist, Follower
from trading.services.copy_scenes import Scene, scene_of
from trading.services.execution import finish, take_unstored
from trading.services.fills import UNBOOKABLE
from trading.services.lead_events import delays_channel
from trading.services.resyncing import ask_resync
from trading.services.withdrawing import end_orders

# Larger batches cost fewer looks at who is still to be served; each is a transaction, and holds so many locks. Of smaller ones
# two workers share an event evenly.
BATCH = 1_000


_LEAD = Slot("lead", UUIDField())


def _oldest() -> QuerySet[LeadEvent]:
    waiting = LeadEvent.objects.filter(lead_id=_LEAD, state=LeadEventState.WAITING)
    whole = waiting.select_related("instrument__market", "instrument__exchange", "lead")
    return locking(whole).order_by("seq")[:1]


_OLDEST = Prepared(_oldest)


def fan_out_batch(*, lead_id: UUID, at_once: bool = False) -> bool:
    """Give the next batch of followers their rows for the lead's oldest unfinished event; False when nothing is due.

    A worker takes a window of the followers by moving the event's cursor, in a transaction that ends at once, so another can
    take the next one meanwhile; what a batch is written in is a transaction of its own. What is done is told by the
    follows (`last_seq`), not by the cursor: the window of a worker that died is found behind the last one.

    `at_once`: opens that nothing stands before are stored as what our own broker made of them, not to wait for a claim.
    """
    window = _take_window(lead_id)
    if window is None:
        return False
    if window.follows:
        try:
            claimed = _serve(window, at_once=at_once)
        except UNBOOKABLE:
            if not at_once:
                raise
            # Which of them no book can hold is found when each has a row and is claimed.
            claimed = _serve(window, at_once=False)
        finish(claimed)
    if window.is_last:
        _end(window)
    return True


@dataclass(frozen=True, slots=True)
class _Window:
    """Who is to be served next of an event, in its order, and whether nobody comes behind them."""

    event: LeadEvent
    follows: list[UUID]
    is_last: bool


@transaction.atomic
def _take_window(lead_id: UUID) -> _Window | None:
    """Take the next followers of the lead's oldest event that is due; the event's row lock makes workers take turns."""
    event = _OLDEST.first(lead=lead_id)
    if event is None or event.due_at > market_now(event.lead.namespace):
        return None
    if is_first := event.market_price is None:
        event.market_price = _snapshot(event)
    turns = _turns(event)
    begin = bisect_right(turns, (event.cursor, _LAST))
    chosen, is_last = turns[begin : begin + BATCH], len(turns) <= begin + BATCH
    if chosen:
        event.cursor = chosen[-1][0]
        event.save(update_fields=["market_price", "cursor"])
        if is_first and not is_last:
            from trading.tasks import fan_out  # the task's body calls services: one of the two must look late

            # For a second worker, if one is idle; one that comes late finds nothing to do.
            enqueue(fan_out, str(lead_id))
        return _Window(event, [pk for _, pk in chosen], is_last)
    # Behind the last window: those that another worker has in hand, or died with.
    return _Window(event, [pk for (pk,) in _left(event)[:BATCH]], is_last=True)


def _left(event: LeadEvent) -> list[tuple[UUID]]:
    """Return the followers, by key, that have no row of an event yet."""
    return _LEFT.rows(lead=event.lead_id, seq=event.seq)


@transaction.atomic
def _end(window: _Window) -> None:
    """Mark an event as done if all that copy it have their rows; what others are about to commit is looked for again."""
    event = window.event
    if not _left(event):
        event.state = LeadEventState.DONE
        event.save(update_fields=["market_price", "state"])


@transaction.atomic
def _serve(window: _Window, *, at_once: bool) -> list[Order]:
    """Write the rows of a window; return those that were claimed with it."""
    event = window.event
    found = {one.pk: one for one in _CHOSEN.found(lead=event.lead_id, seq=event.seq, follows=window.follows)}
    # (Of a window all may have left: the next begins behind it all the same.)
    follows = [found[pk] for pk in window.follows if pk in found]
    return _copy(event, follows, at_once=at_once) if follows else []


def _snapshot(event: LeadEvent) -> Decimal:
    """Return the one price that all paper orders of the event meet: the newest as the fan-out starts."""
    newest = latest_prices([event.instrument]).get(event.instrument_id)
    return newest.price if newest else event.price


def _turn(event_id: int, follow_id: UUID) -> str:
    """Return a follow's place in this event's order: a hash, so that nobody is always first (rule 17)."""
    return deterministic_id("turn", event_id, follow_id)


def _mirroring() -> QuerySet[Follow]:
    began = Slot("seq", PositiveBigIntegerField())
    return Follow.objects.filter(lead_id=_LEAD, state__in=MIRRORING, start_seq__lt=began)


_FOLLOWS, _INSTRUMENT = Slot("follows"), Slot("instrument", UUIDField())
_MIRRORING = Prepared(lambda: _mirroring().values_list("pk"))
_CHOSEN = Prepared(lambda: locking(_mirroring().filter(pk__among=_FOLLOWS)))
_LEFT = Prepared(
    lambda: _mirroring().filter(last_seq__lt=Slot("seq", PositiveBigIntegerField())).order_by("pk").values_list("pk")
)


def _turns(event: LeadEvent) -> list[tuple[str, UUID]]:
    """Return all who copy the event, in its order: asked for once, however many batches a process serves.

    Who begins to copy in the meantime does so after this event; who stops is left out when the batch is locked.
    """
    global _remembered
    key = (str(connection.settings_dict["NAME"]), event.pk, event.recorded_at)
    kept = _remembered
    if not event.cursor or kept is None or kept[0] != key:
        found = _MIRRORING.rows(lead=event.lead_id, seq=event.seq)
        kept = _remembered = key, sorted((_turn(event.pk, pk), pk) for (pk,) in found)
    return kept[1]


# The last event served, and its order. (Two workers take turns at an event: each asks once.)
_remembered: tuple[tuple[str, int, datetime], list[tuple[str, UUID]]] | None = None
_LAST = UUID(int=2**128 - 1)


def _copy(event: LeadEvent, follows: Sequence[Follow], *, at_once: bool) -> list[Order]:
    """Write the rows of a batch: orders, what the follows aim at, and how far each has come; return those claimed at once."""
    scene = scene_of(event)
    # An event that comes again finds its rows written; one that comes after a gap finds opens frozen (rule 3).
    fresh = [one for one in follows if event.seq > _seen(one)]
    _freeze([one for one in fresh if has_gap(seen=_seen(one), seq=event.seq)], scene)
    followers = _gather(event, fresh, scene)
    if event.opened_quantity and event.instrument.is_perpetual:
        adopt_terms(source=event.lead, instrument=event.instrument, most=_unpromised(event, followers))
    if event.closed_fraction:
        _supersede(event, followers)
    else:
        _leave_out(event, followers)
    orders = _rows(followers, scene)
    ready = _ready(event, orders) if at_once else []
    claimed = {order.pk for order in ready}
    waiting = [order for order in orders if order.pk not in claimed] if ready else orders
    bulk_insert(Order, waiting, ignore_conflicts=True)
    bulk_save(FollowPosition, [one.aim for one in followers], _AIMED)
    bulk_update(Follow, fresh, _COPIED)
    if ready:
        take_unstored(ready)
    told = {order.portfolio_id for order in ready}
    publish([(f"portfolio:{pk}", {"refresh": ["orders"]}) for one in followers if (pk := one.portfolio.pk) not in told])
    transaction.on_commit(partial(hint, delays_channel(event.lead.namespace), {}))
    if any(order.state == OrderState.PENDING for order in waiting):
        from trading.tasks import execute_orders  # likewise

        enqueue(execute_orders, CauseKind.LEAD_EVENT, str(event.pk))
    return ready


def _rows(followers: Sequence[Follower], scene: Scene) -> list[Order]:
    copyist, today = Copyist(scene), scene.now.date()
    orders: list[Order] = []
    for follower in followers:
        follow = follower.follow
        if follow.copied_on != today:
            follow.copied_on, follow.copied_count = today, 0
        orders += copyist.rows(follower)
        follow.last_seq, follow.drift_due_at = scene.event.seq, follow.drift_due_at or scene.now + EVERY
    return orders


_BUSY = Prepared(
    lambda: Order.objects.filter(follow__among=_FOLLOWS, instrument_id=_INSTRUMENT, state__in=UNFINISHED).values_list(
        "follow_id"
    )
)


def _ready(event: LeadEvent, orders: Sequence[Order]) -> list[Order]:
    """Return the opens on paper that no other order of their follow and instrument stands before (model.md 10).

    An exit waits for more than that, and makes room for itself: it is claimed as any order is.
    """
    if event.closed_fraction:
        return []
    opens = [one for one in orders if one.state == OrderState.PENDING and one.portfolio.account_id is None]
    busy = {pk for (pk,) in _BUSY.rows(follows=[one.follow_id for one in opens], instrument=event.instrument_id)}
    return [one for one in opens if one.follow_id not in busy]


_AIMED = (
    "ratio",
    "target",
    "last_seq",
    "settings",
    "residual",
    "residual_since",
    "missed",
    "missed_events",
    "stopped_at",
)
_COPIED = ("last_seq", "frozen_at", "copied_on", "copied_count", "drift_due_at")


def _seen(follow: Follow) -> int:
    return max(follow.last_seq, follow.start_seq)


def _freeze(follows: Sequence[Follow], scene: Scene) -> None:
    """Stop opens of follows that have missed events, and have each compared with its lead as a whole."""
    if not follows:
        return
    for follow in follows:
        follow.frozen_at = scene.now
    ask_resync(follows, at=scene.now)


_AIMS = Prepared(lambda: FollowPosition.objects.filter(follow__among=_FOLLOWS, instrument_id=_INSTRUMENT))


def _gather(event: LeadEvent, follows: Sequence[Follow], scene: Scene) -> list[Follower]:
    portfolios = lock_portfolios(follow.portfolio_id for follow in follows)
    worth = worth_of(portfolios.values(), {event.instrument_id: Price(scene.price, scene.now)})
    found = _AIMS.found(follows=[one.pk for one in follows], instrument=event.instrument_id)
    aims = {aim.follow_id: aim for aim in found}
    return [
        Follower(
            follow=follow,
            portfolio=portfolios[follow.portfolio_id],
            worth=worth[follow.portfolio_id],
            held=_closeable(worth[follow.portfolio_id].held(event.instrument_id), event),
            aim=aims.get(follow.pk) or FollowPosition.fresh(follow_id=follow.pk, instrument_id=event.instrument_id),
        )
        for follow in follows
    ]


def _unpromised(event: LeadEvent, followers: Sequence[Follower]) -> dict[Portfolio, int]:
    """Return the portfolios of those of whom no open is in flight, with the most leverage that their follows allow (rule 25).

    An open that is in flight was promised on the terms as they are.
    """
    opens = Order.objects.filter(instrument=event.instrument, leg=Leg.OPEN, state__in=IN_FLIGHT)
    bound = set(
        opens.filter(portfolio__among=[one.portfolio.pk for one in followers]).values_list("portfolio", flat=True)
    )
    free = (one for one in followers if one.portfolio.pk not in bound)
    return {one.portfolio: one.follow.copying.most_leverage for one in free}


def _closeable(held: Decimal, event: LeadEvent) -> Decimal:
    """Return how much of a signed position the lead's side closes, or would add to."""
    if not event.instrument.is_perpetual:
        return held
    is_mirrored = held > ZERO if event.side == Side.BUY else held < ZERO
    # What an exit of the lead closes lies on the other side of its order, what an open adds to on the same.
    return ZERO if bool(event.closed_fraction) == is_mirrored else abs(held)


def _leave_out(event: LeadEvent, followers: Sequence[Follower]) -> None:
    """Count as gone what exits of everything, not done yet, are closing: what the lead opens after them is another position."""
    candidates = {one.follow.pk: one for one in followers if one.held and not one.aim.target}
    exits = Order.objects.filter(leg=Leg.CLOSE, closed_fraction__gte=Decimal(1), state__in=UNFINISHED)
    mine = exits.filter(follow__among=list(candidates), instrument=event.instrument)
    for follow_id in mine.values_list("follow", flat=True) if candidates else ():
        follower = candidates[follow_id]
        follower.leaving, follower.held = follower.leaving + abs(follower.held), ZERO


_UNDER_WAY = Prepared(
    lambda: Order.objects.filter(follow__among=_FOLLOWS, instrument_id=_INSTRUMENT, state__in=UNFINISHED)
)


def _supersede(event: LeadEvent, followers: Sequence[Follower]) -> None:
    """Withdraw opens that were not sent before the lead reduced (model.md 10), and what they would have added to the aim."""
    by_follow = {one.follow.pk: one for one in followers}
    unfinished = _UNDER_WAY.found(follows=by_follow, instrument=event.instrument_id)
    withdrawn: list[Order] = []
    for order in unfinished:
        assert order.follow_id is not None
        follower = by_follow[order.follow_id]
        if order.leg == Leg.OPEN and order.state == OrderState.PENDING:
            order.portfolio, order.instrument = follower.portfolio, event.instrument
            follower.aim.target = max(follower.aim.target - order.requested_quantity, ZERO)
            withdrawn.append(order)
        else:
            follower.is_under_way = True
    end_orders(withdrawn, OrderState.CANCELED, "SUPERSEDED")
