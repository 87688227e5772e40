"""Where rows become the engine's facts: an instrument's rules, a portfolio's costs, an order's terms and what it may cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from engine.decimals import QUANTUM, ZERO
from engine.execution import Costs, limit_costs, maker_fee, taker_fee, taker_price
from engine.margin import LIQUIDATION_FEE_BPS, initial_margin
from engine.matching.resting import Grid, Resting
from engine.matching.types import IMMEDIATE, Kind, TimeInForce
from engine.risk import InstrumentRules
from markets.models import Instrument, InstrumentState
from portfolios.models import Portfolio
from trading.kinds import WITH_LIMIT, OrderKind
from trading.models import RESTING, CauseKind, Leg, Order, Side

# Our own broker counts in the smallest unit that storage keeps. A market's price need not lie on the tick (an average, a
# mid), nor an order's once its venue has changed the steps; nothing is rounded away between a price and an order.
GRID = Grid(QUANTUM, QUANTUM)


def costs_of(instrument: Instrument, portfolio: Portfolio) -> Costs:
    """Return what a taker pays: the portfolio's own fee where it names one, else the venue's."""
    fee = instrument.taker_fee_bps if portfolio.taker_fee_bps is None else portfolio.taker_fee_bps
    return Costs(fee_bps=fee, slippage_bps=portfolio.slippage_bps, tick_size=instrument.tick_size)


def costs_for(order: Order) -> Costs:
    """Return what an order pays as a taker: on margin at its leverage, and closed by force the fee for that."""
    costs = costs_of(order.instrument, order.portfolio)
    if not order.instrument.is_perpetual:
        return costs
    fee = max(costs.fee_bps, LIQUIDATION_FEE_BPS) if order.cause_kind == CauseKind.LIQUIDATION else costs.fee_bps
    return replace(costs, leverage=order.leverage, fee_bps=fee)


def maker_fee_bps(order: Order) -> Decimal:
    """Return what an order pays that waited for its price: its portfolio's own fee where it names one, else the venue's."""
    own: Decimal | None = order.portfolio.maker_fee_bps
    return order.instrument.maker_fee_bps if own is None else own


def latency_of(order: Order) -> timedelta:
    """Return how long an order is on its way to our own broker, in market time: always the same for the same order.

    The jitter follows from the client order id, which is a hash of what the order is. Who is liquidated is at the market.
    """
    if order.cause_kind == CauseKind.LIQUIDATION:
        return timedelta(0)
    fixed, jitter = order.portfolio.latency_ms, order.portfolio.latency_jitter_ms
    return timedelta(milliseconds=fixed + (int(order.client_order_id, 16) % (jitter + 1) if jitter else 0))


def rules_of(instrument: Instrument, portfolio: Portfolio, costs: Costs | None = None) -> InstrumentRules:
    """Return the rules of an instrument, with what a taker pays in a portfolio unless other costs are given."""
    return InstrumentRules(
        lot_step=instrument.lot_step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
        is_active=instrument.state == InstrumentState.ACTIVE,
        costs=costs or costs_of(instrument, portfolio),
        maker_fee_bps=instrument.maker_fee_bps if portfolio.maker_fee_bps is None else portfolio.maker_fee_bps,
    )


def rules_for(order: Order) -> InstrumentRules:
    """Return the rules of an order's instrument, with the most that this order may cost."""
    if order.limit_price is None and not order.instrument.is_perpetual:
        return rules_of(order.instrument, order.portfolio)
    return rules_of(order.instrument, order.portfolio, promised_costs(order))


def promised_costs(order: Order) -> Costs:
    """Return the costs that an order's promise covers: a limit never slips, and may meet either fee."""
    costs = costs_for(order)
    if order.kind not in WITH_LIMIT:
        return costs
    return limit_costs(costs, maker_fee_bps=maker_fee_bps(order))


def named_price(order: Order, market_price: Decimal | None) -> Decimal | None:
    """Return the price that an order expects to meet at worst; None where that is the market's.

    A short opens at its limit or above: its worst is the price that binds the most.
    """
    limit: Decimal | None = order.limit_price
    if limit is not None and order.instrument.is_perpetual and order.side == Side.SELL and order.leg == Leg.OPEN:
        return max(limit, market_price or ZERO)
    trigger: Decimal | None = order.trigger_price
    if limit is not None or trigger is None or order.triggered_at is not None:
        return limit
    # A stop that the market has passed already buys at the market's price.
    return max(trigger, market_price or ZERO) if order.kind == OrderKind.STOP else trigger


def is_crossed(side: str, limit_price: Decimal | None, market_price: Decimal) -> bool:
    """Say whether the market's price is within a limit; anything is within none."""
    if limit_price is None:
        return True
    return market_price <= limit_price if side == Side.BUY else market_price >= limit_price


def takes_cash(order: Order) -> bool:
    """Say whether an order takes quote units: a purchase of spot, and any open on margin. What closes takes what is held."""
    return order.leg == Leg.OPEN if order.instrument.is_perpetual else order.side == Side.BUY


def taken(order: Order, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal:
    """Return what a fill takes of what its order was promised, or of what is free: quote units, or units of what is held."""
    if not takes_cash(order):
        return quantity
    value = quantity * price
    return (initial_margin(value, order.leverage) if order.instrument.is_perpetual else value) + fee


def to_reserve(order: Order, quantity: Decimal) -> Decimal:
    """Return what `quantity` of an order may take: quote units with fee for a purchase, base units for a sale.

    On margin an open promises its initial margin with the fee, and what closes promises nothing: it closes what is there,
    less what other exits without an answer may close (`trading/margins.py`). One that waits here to reduce promises nothing
    either: it takes what is free when its time comes. (A venue wants it at once.)
    """
    if order.reduce_only and order.kind != OrderKind.MARKET and not order.is_at_venue:
        return ZERO
    if not takes_cash(order):
        return ZERO if order.instrument.is_perpetual else quantity
    expected = named_price(order, order.market_price) or order.market_price
    assert expected is not None, "an order is judged at a price"
    costs = promised_costs(order)
    price = taker_price(market_price=expected, is_buy=True, costs=costs)
    return taken(order, quantity, price, taker_fee(quantity=quantity, price=price, costs=costs))


def reserved_asset(order: Order) -> str:
    """Return the asset that an order's promise is in."""
    market = order.instrument.market
    return market.quote_id if order.side == Side.BUY or order.instrument.is_perpetual else market.base_id


def held_by(order: Order) -> Decimal:
    """Return what hold lines say of an order: its promise while it rests, here or at a venue; a market order never does."""
    rests = order.state in RESTING and order.kind != OrderKind.MARKET
    return order.reserved if rests else ZERO


def resting_of(order: Order) -> Resting:
    """Return an order as the matching kernel knows it, alone: pairs, positions and times are the rows' business.

    What is left of a market order is a stop that has gone off: it takes what there is.
    """
    is_market = order.kind == OrderKind.MARKET
    force = TimeInForce(order.time_in_force)
    return Resting(
        order_key=order.pk,
        instrument_key=order.instrument_id,
        kind=Kind.STOP if is_market else Kind(order.kind),
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        trigger_price=order.market_price if is_market else order.trigger_price,
        trail_offset=order.trail_amount,
        trail_bps=order.trail_bps,
        activation_price=order.activation_price,
        time_in_force=force if force in IMMEDIATE else TimeInForce.GTC,
        post_only=order.post_only,
        filled_quantity=order.filled_quantity,
        is_triggered=is_market or order.triggered_at is not None,
        best_price=order.peak_price,
    )


def price_and_fee(
    order: Order, quantity: Decimal, price: Decimal, *, is_maker: bool, slips: bool = True
) -> tuple[Decimal, Decimal]:
    """Return what `quantity` of an order trades at on our own broker when it is met at `price`, and its fee.

    A maker gets that price, and a taker too that finds it in a book (`slips` is False); else a taker's is moved by its
    slippage, for a limit never beyond what it named.
    """
    costs = costs_for(order)
    if is_maker:
        return price, maker_fee(quantity=quantity, price=price, fee_bps=maker_fee_bps(order))
    met = taker_price(market_price=price, is_buy=order.side == Side.BUY, costs=costs) if slips else price
    if order.limit_price is not None:
        met = min(met, order.limit_price) if order.side == Side.BUY else max(met, order.limit_price)
    return met, taker_fee(quantity=quantity, price=met, costs=costs)
