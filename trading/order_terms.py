"""What somebody asks of an order beside side and quantity, and every way to ask it wrongly, each with its code."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from common.errors import DomainError
from engine.decimals import ZERO
from markets.models import Instrument
from trading.kinds import WITH_LIMIT, WITH_TRIGGER, OrderKind, TimeInForce
from trading.models import Side

MAX_QUANTITY = Decimal(10) ** 12
MAX_PRICE = Decimal(10) ** 12
# As much of a caller's own name for an order as doors take.
MAX_KEY = 64
# Half of the best price: farther behind, a stop guards nothing.
MAX_TRAIL_BPS = Decimal(5_000)
MIN_TRAIL_BPS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Prices in quote units, `trail_bps` of the best price, `expires_at` in market time; the default is a market order.

    `stop_price` and `target_price` make an order that opens a bracket's entry.
    """

    kind: OrderKind = OrderKind.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_bps: Decimal | None = None
    activation_price: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    stop_price: Decimal | None = None
    target_price: Decimal | None = None

    @property
    def is_bracket(self) -> bool:
        return self.stop_price is not None or self.target_price is not None

    def columns(self) -> dict[str, Any]:
        """Return the terms as an order's columns: those that a market order has not."""
        return {} if self is PLAIN or self == PLAIN else {name: getattr(self, name) for name in NAMES}


PLAIN = OrderTerms()
NAMES = tuple(one.name for one in fields(OrderTerms))
# Prices by kind: those that it must name; what may be named besides is below.
_REQUIRED = {
    "limit_price": WITH_LIMIT,
    "trigger_price": WITH_TRIGGER,
}
_PRICES = ("limit_price", "trigger_price", "trail_amount", "activation_price", "stop_price", "target_price")


def check_quantity(quantity: Decimal, instrument: Instrument) -> None:
    """Refuse what no order of the instrument can be of."""
    if not quantity.is_finite() or not 0 < quantity <= MAX_QUANTITY:
        raise DomainError("QUANTITY_INVALID", f"Enter a quantity above zero and at most {MAX_QUANTITY:,}.")
    if quantity % instrument.lot_step:
        message = f"Enter a multiple of {instrument.lot_step.normalize():f}, the lot step of {instrument.symbol}."
        raise DomainError("QUANTITY_OFF_STEP", message, {"lot_step": str(instrument.lot_step)})


def check_terms(terms: OrderTerms, instrument: Instrument, side: Side, now: datetime) -> None:
    """Refuse terms that contradict themselves, their kind or the instrument; `now` is market time."""
    if terms.kind not in OrderKind.values:
        raise DomainError("ORDER_KIND_UNKNOWN", f"Choose one of {', '.join(OrderKind.values)}.", {"field": "kind"})
    for name, kinds in _REQUIRED.items():
        _require(terms, name, terms.kind in kinds)
    _check_trail(terms)
    for name in _PRICES:
        if (price := getattr(terms, name)) is not None:
            _check_price(name, price, instrument)
    _check_waiting(terms, now)
    _check_flags(terms, side, instrument)
    _check_bracket(terms, side, instrument)


def _named(name: str) -> str:
    return name.replace("_", " ")


def _require(terms: OrderTerms, name: str, is_wanted: bool) -> None:
    is_given = getattr(terms, name) is not None
    kind = OrderKind(terms.kind).label.lower()
    if is_wanted and not is_given:
        raise DomainError(f"{name.upper()}_REQUIRED", f"A {kind} order needs a {_named(name)}.", {"field": name})
    if is_given and not is_wanted:
        message = f"A {kind} order has no {_named(name)}; leave it out."
        raise DomainError(f"{name.upper()}_NOT_ALLOWED", message, {"field": name})


def _check_trail(terms: OrderTerms) -> None:
    trails = terms.kind == OrderKind.TRAILING_STOP
    if not trails:
        for name in ("trail_amount", "trail_bps", "activation_price"):
            _require(terms, name, False)
    elif (terms.trail_amount is None) == (terms.trail_bps is None):
        message = "Say how far the stop trails: either an amount or basis points."
        raise DomainError("TRAIL_REQUIRED", message, {"field": "trail_bps"})
    bps = terms.trail_bps
    if bps is not None and (not bps.is_finite() or not MIN_TRAIL_BPS <= bps <= MAX_TRAIL_BPS or bps % MIN_TRAIL_BPS):
        message = f"Enter between {MIN_TRAIL_BPS} and {MAX_TRAIL_BPS:,} basis points, with at most four decimals."
        raise DomainError("TRAIL_BPS_INVALID", message, {"field": "trail_bps"})


def _check_price(name: str, price: Decimal, instrument: Instrument) -> None:
    if not price.is_finite() or not 0 < price <= MAX_PRICE:
        message = f"Enter a {_named(name)} above zero and at most {MAX_PRICE:,}."
        raise DomainError(f"{name.upper()}_INVALID", message, {"field": name})
    if price % instrument.tick_size:
        message = f"Enter a multiple of {instrument.tick_size.normalize():f}, the price tick of {instrument.symbol}."
        facts = {"field": name, "tick_size": str(instrument.tick_size)}
        raise DomainError(f"{name.upper()}_OFF_TICK", message, facts)


def _check_waiting(terms: OrderTerms, now: datetime) -> None:
    waits = terms.time_in_force in (TimeInForce.GTC, TimeInForce.GTD) and terms.kind != OrderKind.MARKET
    if terms.time_in_force not in TimeInForce.values or not (
        waits or terms.kind == OrderKind.LIMIT or terms.time_in_force == TimeInForce.GTC
    ):
        message = f"A {OrderKind(terms.kind).label.lower()} order cannot be {terms.time_in_force}."
        raise DomainError("TIME_IN_FORCE_NOT_ALLOWED", message, {"field": "time_in_force"})
    _require(terms, "expires_at", terms.time_in_force == TimeInForce.GTD)
    if terms.expires_at is not None and terms.expires_at <= now:
        message = "Enter a time that is still to come, by the clock of its market."
        raise DomainError("EXPIRES_AT_PAST", message, {"field": "expires_at", "now": now.isoformat()})


def _check_flags(terms: OrderTerms, side: Side, instrument: Instrument) -> None:
    may_post = terms.kind == OrderKind.LIMIT and terms.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    if terms.post_only and not may_post:
        message = "Only a limit order that may wait can be post-only."
        raise DomainError("POST_ONLY_NOT_ALLOWED", message, {"field": "post_only"})
    if terms.reduce_only and side == Side.BUY and not instrument.is_perpetual:
        message = "A purchase adds to a position; only a sale can be reduce-only."
        raise DomainError("REDUCE_ONLY_NOT_ALLOWED", message, {"field": "reduce_only"})


def _check_bracket(terms: OrderTerms, side: Side, instrument: Instrument) -> None:
    if terms.is_bracket:
        if side != Side.BUY and not instrument.is_perpetual:
            message = "Only a purchase can bring its stop and target along."
            raise DomainError("BRACKET_NOT_ALLOWED", message, {"field": "stop_price"})
        check_entry(terms.limit_price or terms.trigger_price, terms.stop_price, terms.target_price, side)


def check_entry(entry: Decimal | None, stop: Decimal | None, target: Decimal | None, side: Side = Side.BUY) -> None:
    """Refuse a stop or target on the wrong side of a bracket's entry (None: not known yet), or of each other."""
    below, above = (stop, target) if side == Side.BUY else (target, stop)
    low, high = below or ZERO, above or MAX_PRICE + 1
    if low >= high or (entry is not None and not low < entry < high):
        where = ("below", "above") if side == Side.BUY else ("above", "below")
        message = f"The stop must be {where[0]} the entry's price, the target {where[1]} it."
        raise DomainError("BRACKET_PRICES_CROSSED", message, {"field": "stop_price"})
