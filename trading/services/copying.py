"""Journey A's middle: from one lead event to one order row per follower, in batches, strictly by seq."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
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
from trading.services.lead_events import delays_channel
from trading.services.resyncing import ask_resync
from trading.services.withdrawing import end_orders

# Larger batches cost fewer looks at who is still to be served; each is a transaction, and holds so many locks.
BATCH = 2_000


_LEAD = Slot("lead", UUIDField())


def _oldest() -> QuerySet[LeadEvent]:
    waiting = LeadEvent.objects.filter(lead_id=_LEAD, state=LeadEventState.WAITING)
    whole = waiting.select_related("instrument__market", "instrument__exchange", "lead")
    return locking(whole).order_by("seq")[:1]


_OLDEST = Prepared(_oldest)


@transaction.atomic
def fan_out_batch(*, lead_id: UUID) -> bool:
    """Give the next batch of followers their rows for the lead's oldest unfinished event; False when nothing is due.

    The event's row lock makes workers take turns; the cursor moves in the transaction that writes the rows, so a
    worker that dies leaves either the whole batch or none of it.
    """
    event = _OLDEST.first(lead=lead_id)
    if event is None or event.due_at > market_now(event.lead.namespace):
        return False
    if event.market_price is None:
        event.market_price = _snapshot(event)
    batch, reached, is_last = _next_follows(event)
    if batch:
        _copy(event, batch)
    event.cursor = reached
    if is_last:
        event.state = LeadEventState.DONE
    event.save(update_fields=["market_price", "cursor", "state"])
    if batch:
        from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

        enqueue(execute_orders, CauseKind.LEAD_EVENT, str(event.pk))
    return True


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


_FOLLOWS = Slot("follows")
_MIRRORING = Prepared(lambda: _mirroring().values_list("pk"))
_CHOSEN = Prepared(lambda: locking(_mirroring().filter(pk__among=_FOLLOWS)))


def _next_follows(event: LeadEvent) -> tuple[list[Follow], str, bool]:
    """Return the next batch in the event's order, locked, how far it reaches, and whether it is the last one."""
    turns = _turns(event)
    first = bisect_right(turns, (event.cursor, _LAST))
    window = turns[first : first + BATCH]
    chosen = [pk for _, pk in window]
    whom = {"lead": event.lead_id, "seq": event.seq, "follows": chosen}
    locked = {one.pk: one for one in _CHOSEN.found(**whom)} if chosen else {}
    # (Of a window all may have left: the next begins behind it all the same.)
    reached = window[-1][0] if window else event.cursor
    return [locked[pk] for pk in chosen if pk in locked], reached, len(turns) <= first + BATCH


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


def _copy(event: LeadEvent, follows: Sequence[Follow]) -> None:
    """Write the rows of a batch: orders, what the follows aim at, and how far each has come."""
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
    copyist, today = Copyist(scene), scene.now.date()
    orders: list[Order] = []
    for follower in followers:
        follow = follower.follow
        if follow.copied_on != today:
            follow.copied_on, follow.copied_count = today, 0
        orders += copyist.rows(follower)
        follow.last_seq, follow.drift_due_at = event.seq, follow.drift_due_at or scene.now + EVERY
    bulk_insert(Order, orders, ignore_conflicts=True)
    bulk_save(FollowPosition, [one.aim for one in followers], _AIMED)
    bulk_update(Follow, fresh, _COPIED)
    publish([(f"portfolio:{one.portfolio.pk}", {"refresh": ["orders"]}) for one in followers])
    transaction.on_commit(partial(hint, delays_channel(event.lead.namespace), {}))


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


_INSTRUMENT = Slot("instrument", UUIDField())
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
