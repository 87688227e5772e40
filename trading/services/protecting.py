"""Protective stops of live follows: of each open position one stop rests at the exchange, where it needs nothing of ours.

What is there is compared with what should be, by whoever books, ends or changes something, and by the sweeper; each look
takes one step. Another stop is written only when the last has ended, so two never stand for the same coins: what is on
its way to the exchange counts as there until the exchange has said otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from accounts.services import audit, notify
from common.clock import market_now, wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.failpoints import failpoint
from common.fields import canonical
from common.realtime import publish
from common.tasks import enqueue
from engine.copying.protecting import LEAST_PROTECTION, MOST_PROTECTION, Stop, is_protection, stop_of
from engine.decimals import ONE, ZERO
from markets.models import Instrument
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from portfolios.models import AccountState, Portfolio, Position
from portfolios.selectors import STALE_AFTER
from portfolios.services.books import lock_portfolios
from trading.brokers.places import takes_stops
from trading.codes import explain
from trading.follow_models import FollowProtection, StopMode
from trading.kinds import OrderKind
from trading.models import (
    ENDED_EARLY,
    MIRRORING,
    UNFINISHED,
    UNFINISHED_FOLLOW,
    CauseKind,
    Follow,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.order_terms import PLAIN, OrderTerms
from trading.services.orders import Cause, new_order, store_orders
from trading.services.withdrawing import withdraw

MOVED, OVER, TOO_SMALL = "PROTECTION_MOVED", "PROTECTION_OVER", "PROTECTION_TOO_SMALL"
# Why we have a stop canceled: then the next may follow at once.
_OURS = (MOVED, OVER, "SUPERSEDED_BY_EXIT")
# Refused so often, its follower is told, and it is tried less often (by the wall).
REFUSALS, AGAIN = 3, timedelta(seconds=15)
EVENT = "follow.unprotected"


def check_protection(share: Decimal | None, portfolio: Portfolio) -> None:
    """Refuse a protective stop that nobody may choose, or that nothing can keep for this portfolio."""
    if share is None:
        return
    if not is_protection(share):
        ends = f"{LEAST_PROTECTION:.0%} to {MOST_PROTECTION:.0%}"
        message = f"Set the protective stop from {ends} of the entry price, in hundredths of a per cent."
        raise DomainError("PROTECTIVE_STOP_OUT_OF_RANGE", message, {"field": "protective_stop"})
    if portfolio.account is None:
        message = (
            "A protective stop rests at an exchange, and this follow trades on paper: leave it empty, or follow from a"
            " portfolio on an exchange account. The copy stop guards it here."
        )
        raise DomainError("PROTECTIVE_STOP_ON_PAPER", message, {"field": "protective_stop"})
    if not takes_stops(portfolio):
        name = portfolio.account.exchange.name
        message = f"A protective stop cannot be kept at {name}: leave it empty. The copy stop guards the follow here."
        raise DomainError("PROTECTIVE_STOP_NOT_ON_VENUE", message, {"field": "protective_stop"})


def change_protection(*, actor: User, follow: Follow, share: Decimal | None) -> Follow:
    """Set, move or (None) take away a follow's protective stop; what rests at the exchange follows.

    One that would sell something at once is refused: that is an exit, and no protection.
    """
    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk))[0]
        locked.portfolio = lock_portfolios([locked.portfolio_id])[locked.portfolio_id]
        if locked.state not in UNFINISHED_FOLLOW:
            raise DomainError("FOLLOW_STATE", "A follow that has ended is protected no more.", status=409)
        check_protection(share, locked.portfolio)
        before = share_of(locked)
        if share is not None and share != before:
            _refuse_passed(locked, share)
        keep_protection(locked, share)
        if share != before:
            told = [{"share": None if one is None else canonical(one)} for one in (before, share)]
            audit(action="follow.protection_changed", obj=locked, actor=actor, before=told[0], after=told[1])
        protect_soon(locked.pk)
    publish([(f"portfolio:{locked.portfolio_id}", {"refresh": ["follow"]})])
    return locked


def keep_protection(follow: Follow, share: Decimal | None) -> None:
    """Store how far a follow's stops lie from its entries; None: it has none."""
    if share is None:
        FollowProtection.objects.filter(pk=follow.pk).delete()
    else:
        FollowProtection.objects.update_or_create(follow=follow, defaults={"share": share})


def share_of(follow: Follow) -> Decimal | None:
    """Return how far a follow's stops lie from its entries (0-1); None where it has none."""
    return FollowProtection.objects.filter(pk=follow.pk).values_list("share", flat=True).first()


def protect_soon(follow_id: UUID) -> None:
    """Have a follow's stops looked at after the commit."""
    from trading.tasks import protect_follows  # the task's body calls services: one of the two must look late

    enqueue(protect_follows, [str(follow_id)])


def _refuse_passed(follow: Follow, share: Decimal) -> None:
    scene = _scenes({follow: share})[0]
    for key, stop in scene.wishes.items():
        if scene.is_passed(key, stop):
            symbol = instruments_by_id([key])[key].symbol
            message = f"{symbol} is at or beyond that stop by now, so it would be sold at once: choose a wider one."
            raise DomainError("PROTECTIVE_STOP_PASSED", message, {"field": "protective_stop", "symbol": symbol})


def stops_of(portfolios: Iterable[UUID]) -> QuerySet[Order]:
    """Return the protective stops of these portfolios that have not ended, oldest first."""
    mine = Order.objects.filter(portfolio__among=list(portfolios), cause_kind=CauseKind.PROTECTION)
    return mine.filter(state__in=UNFINISHED).order_by("pk")


def protections_of(follow: Follow) -> list[Order]:
    """Return what became of the follow's newest protective stop in each instrument, with what showing it needs."""
    mine = Order.objects.filter(portfolio=follow.portfolio_id, cause_kind=CauseKind.PROTECTION)
    # Each copied fill replaces a stop: of the thousands of a follow's life no more than the newest are read.
    newest = mine.filter(instrument=OuterRef("instrument")).order_by("-pk").values("pk")[:1]
    found = mine.filter(pk=Subquery(newest)).select_related("portfolio", "instrument__market", "instrument__exchange")
    return sorted(found, key=lambda one: one.instrument.symbol)


def is_protected_at_venue(follow: Follow) -> bool:
    """Say whether a stop of a follow may still fill, and its exchange can be asked to cancel it."""
    ready = Order.objects.filter(portfolio__account__state=AccountState.READY)
    return ready.filter(pk__in=stops_of([follow.portfolio_id]).values("pk")).exists()


def follows_to_protect() -> list[UUID]:
    """Return the follows of which something is other than it should be: what killed workers and lost tasks left behind."""
    stops = Order.objects.filter(state__in=UNFINISHED, cause_kind=CauseKind.PROTECTION)
    with_stops = Q(portfolio__in=stops.values("portfolio"))
    protected = Q(protection__isnull=False, portfolio__account__isnull=False, state__in=MIRRORING)
    found = Follow.objects.filter(protected | with_stops)
    related = ("protection", "portfolio__account__exchange")
    shares = {one: share_now(one) for one in found.select_related(*related).order_by("pk")}
    return [scene.follow.pk for scene in _scenes(shares) if scene.unwanted() or scene.missing()]


def protect_all(follow_ids: Iterable[UUID]) -> None:
    """Take the next step towards what should rest at the exchange, follow by follow."""
    for follow_id in sorted(follow_ids):
        protect(follow_id=follow_id)
        failpoint("protected")


@transaction.atomic
def protect(*, follow_id: UUID) -> None:
    """Have stops canceled that are not what they should be, and write those that are missing. A repeat changes nothing."""
    # Its protection is read once the follow is locked: joined here, it would be as it was before somebody changed it.
    follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related("lead", "follower"))[0]
    follow.portfolio = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    scene = _scenes({follow: share_now(follow)})[0]
    for code, orders in scene.unwanted().items():
        withdraw(Order.objects.filter(pk__in=[one.pk for one in orders]), code=code)
    for key, stop in scene.missing().items():
        _write(scene, instruments_by_id([key])[key], stop)


def share_now(follow: Follow) -> Decimal | None:
    """Return the share that the stops of a follow should have now; None where it should have none.

    It is protected as long as it is guarded: what is being sold, or kept by hand, needs no stop of ours.
    """
    is_guarded = follow.state in MIRRORING and follow.stop_mode not in (StopMode.CLOSE_NOW, StopMode.KEEP)
    row = getattr(follow, "protection", None)
    return row.share if row is not None and is_guarded and takes_stops(follow.portfolio) else None


@dataclass
class _Scene:
    """A follow's positions with the stops that they should have, by instrument, and the stops that there are."""

    follow: Follow
    wishes: dict[UUID, Stop]
    live: list[Order]
    # Of a scene that lacks a stop: instruments of which something is being sold, and the newest stop ever written in each.
    selling: set[UUID] = field(default_factory=set)
    newest: dict[UUID, Order] = field(default_factory=dict)

    def unwanted(self) -> dict[str, list[Order]]:
        """Return, by the reason to cancel them, the stops that are not what they should be and are not being canceled yet."""
        found: dict[str, list[Order]] = {}
        for order in self.live:
            wish = self.wishes.get(order.instrument_id)
            if not order.cancel_code and not _is_as_wished(order, wish):
                found.setdefault(OVER if wish is None else MOVED, []).append(order)
        return found

    def lacking(self) -> set[UUID]:
        """Return the instruments that should have a stop and have none that has not ended."""
        return self.wishes.keys() - {order.instrument_id for order in self.live}

    def missing(self) -> dict[UUID, Stop]:
        """Return the stops that may be written now: none while another, or an exit, may still take the coins."""
        return {key: self.wishes[key] for key in sorted(self.lacking() - self.selling) if self._may_write(key)}

    def _may_write(self, key: UUID) -> bool:
        """Say whether nothing was tried before that ended in the same way, or long enough ago."""
        before, stop = self.newest.get(key), self.wishes[key]
        if before is None:
            return True
        if before.code == TOO_SMALL:
            return (before.requested_quantity, before.trigger_price) != (stop.quantity, stop.price)
        if not _has_failed(before, stop) or before.attempt < REFUSALS:
            return True
        return wall_now() >= before.recorded_at + AGAIN * max(1, before.attempt // 10)

    def is_passed(self, key: UUID, stop: Stop) -> bool:
        """Say whether the market is known to be where a stop would go off at once."""
        instrument = instruments_by_id([key])[key]
        price = latest_prices([instrument]).get(key)
        now = market_now(instrument.market.namespace)
        return price is not None and now - price.at <= STALE_AFTER and stop.is_passed(price.price)


def _scenes(shares: Mapping[Follow, Decimal | None]) -> list[_Scene]:
    """Return how follows stand whose stops should lie so far from their entries (None: no stops), in a constant number of statements."""
    books = {follow.portfolio_id for follow, share in shares.items() if share is not None}
    positions, live = defaultdict[UUID, list[Position]](list), defaultdict[UUID, list[Order]](list)
    for position in Position.objects.filter(portfolio__among=books).exclude(quantity=ZERO).order_by("pk"):
        positions[position.portfolio_id].append(position)
    for order in stops_of(follow.portfolio_id for follow in shares):
        live[order.portfolio_id].append(order)
    rules = instruments_by_id({one.instrument_id for held in positions.values() for one in held})
    scenes = []
    for follow, share in shares.items():
        mine = positions[follow.portfolio_id] if share is not None else []
        wished = {one.instrument_id: _stop_of(one, share or ZERO, rules[one.instrument_id]) for one in mine}
        wishes = {key: stop for key, stop in wished.items() if stop is not None}
        scenes.append(_Scene(follow, wishes, live[follow.portfolio_id]))
    _read_what_was_tried([scene for scene in scenes if scene.lacking()])
    return scenes


def _read_what_was_tried(scenes: Sequence[_Scene]) -> None:
    """Read what says whether the stops that scenes lack may be written now."""
    by_book = {scene.follow.portfolio_id: scene for scene in scenes}
    if not by_book:
        return
    selling = Order.objects.filter(portfolio__among=by_book, leg=Leg.CLOSE, state__in=UNFINISHED)
    for book, instrument in selling.values_list("portfolio", "instrument"):
        by_book[book].selling.add(instrument)
    of_position = Order.objects.filter(portfolio=OuterRef("portfolio"), instrument=OuterRef("instrument"))
    stops = of_position.filter(cause_kind=CauseKind.PROTECTION).order_by("-pk").values("pk")[:1]
    held = Position.objects.filter(portfolio__among=by_book).exclude(quantity=ZERO)
    for order in Order.objects.filter(pk__in=held.annotate(newest=Subquery(stops)).values("newest")):
        by_book[order.portfolio_id].newest[order.instrument_id] = order


def _stop_of(position: Position, share: Decimal, instrument: Instrument) -> Stop | None:
    return stop_of(
        held=position.quantity,
        cost=position.cost,
        share=share,
        tick_size=instrument.tick_size,
        lot_step=instrument.lot_step,
    )


def _is_as_wished(order: Order, wish: Stop | None) -> bool:
    if wish is None or order.kind == OrderKind.MARKET:
        # What a price has passed already is closed at the market, whatever it costs.
        return wish is not None
    left = (order.quantity or order.requested_quantity) - order.filled_quantity
    return (order.side == Side.BUY, left, order.trigger_price) == (wish.is_buy, wish.quantity, wish.price)


def _has_failed(order: Order, stop: Stop) -> bool:
    """Say whether this very stop was tried before and ended without having done anything, not because we wished so."""
    same_price = order.kind == OrderKind.MARKET or order.trigger_price == stop.price
    if order.filled_quantity or order.code == TOO_SMALL or order.requested_quantity != stop.quantity or not same_price:
        return False
    return order.state == OrderState.DENIED or (order.state in ENDED_EARLY and order.code not in _OURS)


def _write(scene: _Scene, instrument: Instrument, stop: Stop) -> None:
    """Store a stop, PENDING: native, or at the market where its price has passed; or the row that says why there is none."""
    before = scene.newest.get(instrument.pk)
    failed = before is not None and _has_failed(before, stop)
    # Each is made by the end of the one before it; what was refused is tried again.
    cause_id = str(scene.follow.pk) if before is None else before.cause_id if failed else str(before.pk)
    is_small = stop.quantity < instrument.min_quantity or stop.worth < instrument.min_notional
    is_passed = scene.is_passed(instrument.pk, stop)
    native = OrderTerms(kind=OrderKind.STOP, trigger_price=stop.price, reduce_only=True)
    order = new_order(
        portfolio=scene.follow.portfolio,
        instrument=instrument,
        side=Side.BUY if stop.is_buy else Side.SELL,
        leg=Leg.CLOSE,
        quantity=stop.quantity,
        cause=Cause(CauseKind.PROTECTION, cause_id),
        closed_fraction=ONE if is_passed and not is_small else None,
        denied=TOO_SMALL if is_small else "",
        terms=PLAIN if is_passed and not is_small else native,
        attempt=before.attempt + 1 if before is not None and failed else 1,
    )
    if failed and before is not None and before.attempt == REFUSALS:
        _tell(scene.follow, before, explain(before.code, before))
    store_orders([order])


def _tell(follow: Follow, order: Order, words: str) -> None:
    context = {
        "portfolio": str(follow.portfolio_id),
        "name": follow.lead.name,
        "symbol": order.instrument.symbol,
        "words": words,
    }
    notify(user=follow.follower, event=EVENT, context=context)
