"""What a batch's portfolios hold on margin, as far as its orders need it. Nothing is asked where nobody trades on margin.

The caller holds the portfolios' locks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from engine.decimals import ONE, ZERO
from engine.margin import Tiers, initial_margin, liquidation_price, tier_at
from markets.models import Instrument
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from portfolios.margin import tiers_by_instrument
from portfolios.margin_models import MarginMode
from portfolios.models import Portfolio, Position
from portfolios.selectors import Holding, cross_needs_of
from portfolios.services.books import Holdings
from trading.kinds import OrderKind
from trading.models import AT_VENUE, UNANSWERED, Leg, Order, Side

Key = tuple[UUID, UUID]


def parts_on_margin(
    portfolio: Portfolio, instrument: Instrument, side: Side, quantity: Decimal, *, reduces: bool = False
) -> list[tuple[Leg, Decimal]]:
    """Return what an order by hand does to a position: it closes what is held on the other side, and opens with the rest."""
    held = (
        Position.objects.filter(portfolio=portfolio, instrument=instrument).values_list("quantity", flat=True).first()
    )
    other_side = max(-(held or ZERO) if side == Side.BUY else held or ZERO, ZERO)
    closed = quantity if reduces else min(other_side, quantity)
    return [(leg, part) for leg, part in ((Leg.CLOSE, closed), (Leg.OPEN, quantity - closed)) if part]


class Margins:
    """Positions on margin, what of them is being closed already, and the tiers of what is traded."""

    def __init__(self, orders: Sequence[Order], holdings: Holdings) -> None:
        traded = {order.instrument_id for order in orders if order.instrument.is_perpetual}
        books = {order.portfolio_id: order.portfolio for order in orders if order.portfolio.uses_margin}
        self._positions: dict[Key, Position] = {}
        self._closing: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._opening: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._tiers: dict[UUID, Tiers] = tiers_by_instrument(traded)
        self._needs: dict[UUID, Decimal] = {}
        if not books:
            return
        rows = Position.objects.filter(portfolio_id__among=books).exclude(margin_mode="")
        self._positions = {(row.portfolio_id, row.instrument_id): row for row in rows}
        self._needs = _cross_needs(self._positions.values())
        for pk, needs in self._needs.items():
            holdings.withhold(pk, books[pk].settlement_id, needs)
        if traded:
            self._count_closing(books, traded)

    def _count_closing(self, portfolio_ids: Iterable[UUID], instrument_ids: set[UUID]) -> None:
        """Count what exits that have no answer may close: what is left of a position is all that others may."""
        sent = Q(state__in=UNANSWERED, kind=OrderKind.MARKET) | AT_VENUE
        unheard = Order.objects.filter(sent, portfolio_id__among=portfolio_ids, leg=Leg.CLOSE)
        rows = unheard.filter(instrument_id__in=instrument_ids)
        for portfolio_id, instrument_id, quantity, filled in rows.values_list(
            "portfolio_id", "instrument_id", "quantity", "filled_quantity"
        ):
            self._closing[portfolio_id, instrument_id] += quantity - filled

    def leverage(self, order: Order) -> int:
        """Return what an open of the order's position is traded with."""
        position = self._positions.get(_key(order))
        return position.leverage if position else 1

    def mode(self, order: Order) -> str:
        """Return what backs the order's position; "" for spot."""
        position = self._positions.get(_key(order))
        if position is not None:
            return str(position.margin_mode)
        return str(MarginMode.ISOLATED) if order.instrument.is_perpetual else ""

    def closeable(self, order: Order) -> Decimal:
        """Return how much of its position an order can close: what is held on the other side, less what is being closed."""
        position = self._positions.get(_key(order))
        held = position.quantity if position else ZERO
        other_side = max(-held if order.side == Side.BUY else held, ZERO)
        return max(other_side - self._closing[_key(order)], ZERO)

    def took(self, order: Order, quantity: Decimal) -> None:
        """Count an order of the batch, for those after it."""
        counted = self._closing if order.leg == Leg.CLOSE else self._opening
        counted[_key(order)] += quantity

    def let_go(self, order: Order, holdings: Holdings) -> None:
        """Count as free what a position binds that an order is going to close whole: a reversal's open comes after it."""
        if (position := self._positions.get(_key(order))) is None:
            return
        asset = order.instrument.market.quote_id
        if position.margin_mode == MarginMode.ISOLATED:
            holdings.withhold(order.portfolio_id, asset, -position.margin)
            return
        others = [row for key, row in self._positions.items() if key[0] == order.portfolio_id and key != _key(order)]
        left = _cross_needs(others).get(order.portfolio_id, ZERO)
        holdings.withhold(order.portfolio_id, asset, left - self._needs.get(order.portfolio_id, ZERO))

    def room(self, order: Order, price: Decimal) -> Decimal:
        """Return how many units may be opened until the position is worth more than its leverage is allowed for."""
        tiers, leverage = self._tiers[order.instrument_id], self.leverage(order)
        ends = next((tier.floor for tier in tiers if tier.max_leverage < leverage), None)
        if ends is None:
            return Decimal("Infinity")
        position = self._positions.get(_key(order))
        held = abs(position.quantity) if position else ZERO
        return max(ends / price - held - self._opening[_key(order)], ZERO)

    def liquidation_ratio(self, order: Order, price: Decimal) -> Decimal | None:
        """Return how far (0-1) the price could move before the position, as it would be after an open, is liquidated.

        Of isolated positions; None where cash stands behind it, too, or no price liquidates it.
        """
        position = self._positions.get(_key(order)) or Position()
        if position.margin_mode == MarginMode.CROSS:
            return None
        sign = ONE if order.side == Side.BUY else -ONE
        if position.quantity * sign < ZERO:
            return None
        quantity = position.quantity + sign * order.requested_quantity
        cost = position.cost + sign * order.requested_quantity * price
        margin = position.margin + initial_margin(order.requested_quantity * price, self.leverage(order))
        at = liquidation_price(quantity, cost, margin, self._tiers[order.instrument_id])
        return None if at is None else max((price - at) * sign / price, ZERO)

    def most_leverage(self, order: Order) -> int:
        """Return the most leverage that the instrument's first tier allows."""
        return tier_at(ZERO, self._tiers[order.instrument_id]).max_leverage


def _key(order: Order) -> Key:
    return order.portfolio_id, order.instrument_id


def _cross_needs(positions: Iterable[Position]) -> dict[UUID, Decimal]:
    """Return what the cross positions of each portfolio keep of its free cash, at the newest prices."""
    open_ones = [row for row in positions if row.margin_mode == MarginMode.CROSS and row.quantity]
    if not open_ones:
        return {}
    instruments = instruments_by_id({row.instrument_id for row in open_ones})
    prices = latest_prices(instruments.values())
    held: defaultdict[UUID, list[Holding]] = defaultdict(list)
    for row in open_ones:
        held[row.portfolio_id].append(Holding(row, prices.get(row.instrument_id)))
    return {pk: cross_needs_of(mine) for pk, mine in held.items()}
