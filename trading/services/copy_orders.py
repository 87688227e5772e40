"""One follower's rows for one lead event: the order that closes, the order that opens, and what the follow aims at afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.copying.checks import Book, OpenFacts, clipped, refusal_of
from engine.copying.minimums import (
    EMPTY,
    ROUND_UP_SHARE,
    Bucket,
    Terms,
    after_expiry,
    net_open,
    net_reduction,
)
from engine.copying.prices import price_cap
from engine.copying.settings import CopySettings, SizingMode
from engine.copying.sizing import Opening, closing_fraction, open_size
from engine.decimals import ZERO, money
from engine.sizing import part_of, reduction_quantity
from portfolios.models import Portfolio
from portfolios.selectors import Worth
from trading.models import CauseKind, Follow, FollowPosition, FollowState, Leg, Order, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.services.copy_scenes import Scene, capped_terms, exit_terms, is_dust_of, smallest_of
from trading.services.orders import Cause, another_order, new_order

KEPT = "KEPT_BELOW_MINIMUM"
MISSED = "MISSED_"


@dataclass(slots=True)
class Follower:
    """A follow with what its sizing rests on; `leaving` is what a reversal closes before it opens.

    `is_under_way`: an order of it in this instrument has not ended.
    """

    follow: Follow
    portfolio: Portfolio
    worth: Worth
    held: Decimal
    aim: FollowPosition
    is_under_way: bool = False
    leaving: Decimal = ZERO


class Copyist:
    """Writes the rows of an event's followers, one by one; all of them share the scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self._event = scene, scene.event
        self._lot_step = scene.instrument.lot_step
        self._smallest = smallest_of(scene.instrument, scene.price)
        self._cause = Cause(CauseKind.LEAD_EVENT, str(scene.event.pk))
        self._exit = exit_terms(1, scene.price, is_buy=scene.is_buy, tick=scene.instrument.tick_size)
        self._opens: dict[Decimal | None, OrderTerms] = {}
        self._models: dict[tuple[object, ...], Order] = {}

    def rows(self, follower: Follower) -> list[Order]:
        """Return a follower's rows; follow and aim are changed in memory."""
        aim, orders = follower.aim, list[Order]()
        _keep(aim, after_expiry(_bucket(aim), self.scene.now))
        if self._event.closed_fraction:
            orders.append(self._closing(follower))
        if self._event.opened_quantity:
            if self._event.closed_fraction >= 1:
                # A reversal: its exit goes first, and what it opens is a position of its own.
                follower.leaving, follower.held = abs(follower.held), ZERO
            orders.append(self._opening(follower))
        aim.last_seq = self._event.seq
        return orders

    # --- closing --------------------------------------------------------------------------------------------------------
    def _closing(self, follower: Follower) -> Order:
        """Mirror the lead's closed fraction on what the follower actually holds (rule 9); sized again when it is judged."""
        aim, fraction, held = follower.aim, self._event.closed_fraction, abs(follower.held)
        aim.target -= reduction_quantity(held=aim.target, closed_fraction=fraction, lot_step=self._lot_step)
        aim.missed -= money(aim.missed * fraction)
        if follower.is_under_way or not held:
            # An open may still be in flight: what it buys is held by then, and judging takes the part of all of it.
            bucket = _bucket(aim)
            _keep(
                aim, net_reduction(ZERO, fraction, bucket, self._terms()).bucket if bucket.quantity > ZERO else bucket
            )
            if fraction >= 1:
                _keep(aim, EMPTY)
            quantity = reduction_quantity(held=held, closed_fraction=fraction, lot_step=self._lot_step)
            return self._order(follower, Leg.CLOSE, quantity, self._exit, closed_fraction=fraction)
        fraction = closing_fraction(closed_fraction=fraction, held=held, pending=max(-aim.residual, ZERO))
        closing = held if fraction >= 1 else part_of(held, fraction)
        netted = net_reduction(closing, self._event.closed_fraction, _bucket(aim), self._terms())
        _keep(aim, netted.bucket)
        if netted.quantity:
            return self._order(follower, Leg.CLOSE, netted.quantity, self._exit, closed_fraction=fraction)
        return self._order(follower, Leg.CLOSE, money(closing), self._exit, closed_fraction=fraction, code=KEPT)

    # --- opening --------------------------------------------------------------------------------------------------------
    def _opening(self, follower: Follower) -> Order:
        """Size the follower's part of what the lead opened: checked, netted with what waits, cut to its guards, capped in price."""
        aim, follow = follower.aim, follower.follow
        dust = self._begin(follower)
        settings = aim.copying
        wish, ratio = open_size(self._facts(follower), settings)
        aim.ratio = ratio or aim.ratio
        wish = max(wish - dust, ZERO)
        if refusal := refusal_of(self._checks(follower), settings):
            if refusal.startswith(MISSED):
                aim.missed += money(wish)
                aim.missed_events += 1
            return self._open(follower, wish, code=refusal)
        if not wish:
            return self._open(follower, wish, code="QUANTITY_BELOW_MINIMUM" if aim.ratio else "NO_EQUITY")
        equity = max(follower.worth.equity, ZERO)
        netted = net_open(wish, _bucket(aim), self._terms(equity * ROUND_UP_SHARE if settings.round_up else ZERO))
        _keep(aim, netted.bucket)
        if not netted.quantity:
            return self._open(follower, wish, code=KEPT)
        quantity, code = clipped(netted.quantity, self._book(follower), settings)
        if code and quantity * self.scene.price < self._smallest:
            return self._open(follower, netted.quantity, code=code)
        aim.target += quantity + dust
        aim.stopped_at = None
        follow.copied_count += 1
        if settings.sizing not in (SizingMode.EQUITY_RATIO, SizingMode.FIXED_MULTIPLE):
            self._measure(aim)
        return self._open(follower, quantity, clip=code)

    def _begin(self, follower: Follower) -> Decimal:
        """Fix the settings of a position that opens now (rules 4 and 32); return the dust that it begins with (rule 12).

        With a target but nothing held, the opening is still under way.
        """
        aim, held = follower.aim, abs(follower.held)
        if aim.target or (held and not is_dust_of(self.scene.instrument, held, self.scene.price)):
            return ZERO
        aim.settings, aim.ratio, aim.missed, aim.stopped_at = follower.follow.settings, ZERO, ZERO, None
        return held

    def _facts(self, follower: Follower) -> Opening:
        return Opening(
            lead_quantity=self._event.opened_quantity,
            lead_price=self._event.price,
            lead_equity=self._event.lead_equity,
            follower_equity=follower.worth.equity,
            follower_free=follower.worth.free,
            price=self.scene.price,
            ratio=follower.aim.ratio,
        )

    def _checks(self, follower: Follower) -> OpenFacts:
        follow, scene = follower.follow, self.scene
        others = (one.position.instrument_id != self._event.instrument_id for one in follower.worth.holdings)
        return OpenFacts(
            symbol=scene.instrument.symbol,
            age=scene.age,
            spread=scene.spread,
            venue_is_healthy=scene.venue_is_healthy,
            equity_is_stale=follower.worth.is_stale,
            is_frozen=follow.frozen_at is not None,
            other_positions=sum(others),
            orders_today=follow.copied_count,
            is_paused=follow.state == FollowState.PAUSED,
            is_stopping=follow.state == FollowState.STOPPING,
        )

    def _book(self, follower: Follower) -> Book:
        held, price = max(abs(follower.held), follower.aim.target), self.scene.price
        on_its_way = (held - abs(follower.held) - follower.leaving) * price
        return Book(
            equity=max(follower.worth.equity, ZERO),
            exposure=abs(follower.worth.exposure) + on_its_way,
            held=held,
            price=price,
            lot_step=self._lot_step,
        )

    def _measure(self, aim: FollowPosition) -> None:
        """Keep what the follow aims at for each unit of the lead's: by it a resync knows what the position should be."""
        if resulting := abs(self._event.resulting_quantity):
            aim.ratio = money(aim.target / resulting)

    def _open_terms(self, settings: CopySettings) -> OrderTerms:
        """Return the terms of opens with these settings; followers share a few caps."""
        chosen = settings.price_cap
        if (terms := self._opens.get(chosen)) is None:
            market = self.scene.instrument.market
            cap = price_cap(base=market.base_id, is_spot=self.scene.is_spot, chosen=chosen)
            tick = self.scene.instrument.tick_size
            terms = self._opens[chosen] = capped_terms(self._event.price, cap, is_buy=self.scene.is_buy, tick=tick)
        return terms

    # --- rows -----------------------------------------------------------------------------------------------------------
    def _terms(self, round_up_to: Decimal = ZERO) -> Terms:
        return Terms(self.scene.now, self.scene.price, self._smallest, self._lot_step, round_up_to)

    def _open(self, follower: Follower, quantity: Decimal, *, code: str = "", clip: str = "") -> Order:
        terms = PLAIN if code else self._open_terms(follower.aim.copying)
        order = self._order(follower, Leg.OPEN, money(quantity), terms, code=code)
        order.code = code or clip
        return order

    def _order(
        self,
        follower: Follower,
        leg: Leg,
        quantity: Decimal,
        terms: OrderTerms,
        *,
        closed_fraction: Decimal | None = None,
        code: str = "",
    ) -> Order:
        key = (leg, id(terms), closed_fraction, code)
        if (model := self._models.get(key)) is None:
            model = self._models[key] = new_order(
                portfolio=follower.portfolio,
                instrument=self.scene.instrument,
                side=Side(self._event.side),
                leg=leg,
                quantity=quantity,
                cause=self._cause,
                follow=follower.follow,
                closed_fraction=closed_fraction,
                seq=self._event.seq,
                denied=code,
                at=self.scene.now,
                terms=terms,
            )
            model.market_price = self.scene.price
        return another_order(model, portfolio=follower.portfolio, follow=follower.follow, quantity=quantity)


def _bucket(aim: FollowPosition) -> Bucket:
    return Bucket(aim.residual, aim.residual_since)


def _keep(aim: FollowPosition, bucket: Bucket) -> None:
    aim.residual, aim.residual_since = bucket.quantity, bucket.since
