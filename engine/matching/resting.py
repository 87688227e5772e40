"""Orders in exact decimals at the border of the kernel: what a caller writes, converted once to ticks and lots, and back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import BPS, ZERO
from engine.matching.rules import trailing_trigger
from engine.matching.types import (
    LIMIT_KINDS,
    SHARE_UNITS,
    TRIGGERED_KINDS,
    Depth,
    Event,
    EventKind,
    Kind,
    Levels,
    Liquidity,
    OrderState,
    Reason,
    Status,
    Terms,
    TimeInForce,
)

SIGNS = {"BUY": 1, "SELL": -1}
# No market has as many ticks or lots, not even in units of 1e-18: what is above is a slip of the keyboard.
LARGEST = 10**33


@dataclass(frozen=True, slots=True)
class Resting:
    """One order as its owner wrote it. Prices in quote units, quantities in base units, times in ms since 1970 UTC.

    `side` is BUY or SELL. A trailing stop has either `trail_offset` (quote units) or `trail_bps`, and perhaps an
    `activation_price` at which it begins. `display_quantity` makes an iceberg. Orders of one `group_key` (equal
    quantities) share one quantity: OCO. An order with a `parent_key` starts when that one fills, with as much. Reduce-only
    looks at the position of `account_key`. The last five fields are for an order that is put back after a restart.
    """

    order_key: Hashable
    instrument_key: Hashable
    kind: Kind
    side: str
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail_offset: Decimal | None = None
    trail_bps: Decimal | None = None
    activation_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ms: int | None = None
    display_quantity: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    account_key: Hashable = None
    group_key: Hashable = None
    parent_key: Hashable = None
    filled_quantity: Decimal = ZERO
    started_quantity: Decimal = ZERO
    is_triggered: bool = False
    is_waiting: bool = False
    best_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RestingEvent:
    """What happened to an order. `price` in quote units (a fill's, or the new trigger), `quantity` in base units."""

    order_key: Hashable
    kind: EventKind
    price: Decimal | None = None
    quantity: Decimal | None = None
    liquidity: Liquidity | None = None
    reason: Reason | None = None


class Refused(Exception):
    """An order that cannot be put into ticks and lots, or contradicts itself."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Grid:
    """An instrument's steps: `tick_size` in quote units, `lot_step` in base units."""

    tick_size: Decimal
    lot_step: Decimal

    def ticks(self, price: Decimal) -> int:
        """Return a price in ticks. Raises Refused for one that lies between two, or is not a positive number."""
        _demand(price.is_finite() and price > 0, Reason.PRICE_NOT_POSITIVE)
        return _whole(price, self.tick_size, Reason.PRICE_OFF_TICK)

    def nearest(self, price: Decimal) -> int:
        """Return the tick nearest to a market's price (half to even), which need not lie on the grid: an average, a mid."""
        return int((price / self.tick_size).to_integral_value())

    def lots(self, quantity: Decimal) -> int:
        """Return a quantity in lots. Raises Refused for one that is no whole number of them, or is not positive."""
        _demand(quantity.is_finite() and quantity > 0, Reason.QUANTITY_NOT_POSITIVE)
        return _whole(quantity, self.lot_step, Reason.QUANTITY_OFF_STEP)

    def whole_lots(self, quantity: Decimal) -> int:
        """Return a signed quantity in lots, rounded toward zero."""
        return int(quantity / self.lot_step)

    def price(self, ticks: int) -> Decimal:
        """Return a price in quote units."""
        return ticks * self.tick_size

    def quantity(self, lots: int) -> Decimal:
        """Return a quantity in base units."""
        return lots * self.lot_step

    def depth(self, bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]]) -> Depth:
        """Return a venue's book, the best level first; parts of a lot cannot be taken."""
        return Depth(self._side(bids), self._side(asks))

    def event(self, event: Event) -> RestingEvent:
        """Return what happened in decimals."""
        return RestingEvent(
            event.key,
            event.kind,
            None if event.price is None else self.price(event.price),
            None if event.lots is None else self.quantity(event.lots),
            event.liquidity,
            event.reason,
        )

    def _side(self, levels: list[tuple[Decimal, Decimal]]) -> Levels:
        return tuple((self.nearest(price), self.whole_lots(quantity)) for price, quantity in levels)


def terms_of(order: Resting, grid: Grid) -> Terms:
    """Return an order in ticks and lots. Raises Refused with the reason where it is incomplete or contradicts itself."""
    _demand_fields_of_kind(order)
    terms = Terms(
        key=order.order_key,
        sign=SIGNS[order.side],
        kind=order.kind,
        lots=grid.lots(order.quantity),
        limit=_optional(order.limit_price, grid),
        trigger=_optional(order.trigger_price, grid),
        trail=_optional(order.trail_offset, grid),
        trail_share=_share(order.trail_bps),
        activation=_optional(order.activation_price, grid),
        time_in_force=order.time_in_force,
        expires_at_ms=order.expires_at_ms,
        display=None if order.display_quantity is None else grid.lots(order.display_quantity),
        is_reduce_only=order.reduce_only,
        is_post_only=order.post_only,
        account=order.account_key,
        group=order.group_key,
        parent=order.parent_key,
    )
    _demand(terms.display is None or terms.display <= terms.lots, Reason.DISPLAY_INVALID)
    return terms


def state_of(order: Resting, grid: Grid) -> OrderState:
    """Return an order as it stood when it was stored. Raises Refused like terms_of."""
    terms = terms_of(order, grid)
    best = _optional(order.best_price, grid)
    filled, started = grid.whole_lots(order.filled_quantity), grid.whole_lots(order.started_quantity)
    meant = terms.lots if terms.parent is None else started
    return OrderState(
        terms,
        left=meant - filled,
        filled=filled,
        status=Status.WAITING if order.is_waiting else Status.OPEN,
        trigger=terms.trigger if best is None else trailing_trigger(terms, best),
        is_triggered=order.is_triggered,
        best=best,
        started=started,
    )


def as_it_stands(order: Resting, state: OrderState, grid: Grid) -> Resting:
    """Return an order with what has become of it, fit to be put back."""
    return replace(
        order,
        filled_quantity=grid.quantity(state.filled),
        started_quantity=grid.quantity(state.started),
        is_triggered=state.is_triggered,
        is_waiting=not state.is_open,
        best_price=None if state.best is None else grid.price(state.best),
    )


def _demand_fields_of_kind(order: Resting) -> None:
    kind, limit, trigger = order.kind, order.limit_price, order.trigger_price
    _demand(kind not in LIMIT_KINDS or limit is not None, Reason.LIMIT_PRICE_MISSING)
    _demand(kind not in TRIGGERED_KINDS or trigger is not None, Reason.TRIGGER_PRICE_MISSING)
    _demand(limit is None or kind in LIMIT_KINDS, Reason.FIELD_NOT_OF_KIND)
    _demand(trigger is None or kind in TRIGGERED_KINDS, Reason.FIELD_NOT_OF_KIND)
    trails = (order.trail_offset is not None) + (order.trail_bps is not None)
    if kind is Kind.TRAILING_STOP:
        _demand(trails == 1, Reason.TRAIL_INVALID)
    else:
        _demand(not trails and order.activation_price is None, Reason.FIELD_NOT_OF_KIND)
    _demand(order.display_quantity is None or kind in LIMIT_KINDS, Reason.FIELD_NOT_OF_KIND)
    _demand_time(order)


def _demand_time(order: Resting) -> None:
    is_dated = order.time_in_force is TimeInForce.GTD
    _demand(not is_dated or order.expires_at_ms is not None, Reason.EXPIRY_MISSING)
    _demand(is_dated or order.expires_at_ms is None, Reason.FIELD_NOT_OF_KIND)
    resting_limit = order.kind in LIMIT_KINDS and order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    _demand(not order.post_only or resting_limit, Reason.POST_ONLY_NOT_RESTING)


def _share(bps: Decimal | None) -> int | None:
    """Return basis points as a share in units of 1e-10: 0 < bps < 10,000, at most six decimals."""
    if bps is None:
        return None
    _demand(bps.is_finite() and 0 < bps < BPS, Reason.TRAIL_INVALID)
    return _whole(bps * SHARE_UNITS, BPS, Reason.TRAIL_INVALID)


def _optional(price: Decimal | None, grid: Grid) -> int | None:
    return None if price is None else grid.ticks(price)


def _whole(amount: Decimal, step: Decimal, otherwise: Reason) -> int:
    """Return how many steps an amount is. Raises Refused with `otherwise` where it is no whole number, or absurdly many."""
    _demand(amount < LARGEST * step, otherwise)
    count = int(amount / step)
    _demand(count * step == amount, otherwise)
    return count


def _demand(holds: bool, otherwise: Reason) -> None:
    if not holds:
        raise Refused(otherwise)
