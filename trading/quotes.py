"""What an order would cost or bring, before anybody has placed it. An estimate: nothing is promised."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step
from engine.execution import affordable_quantity
from engine.margin import initial_margin
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.margin import position_on_margin, price_of_liquidation
from portfolios.models import Balance, Portfolio
from portfolios.services.books import Holdings
from trading.kinds import Unit
from trading.margins import Margins
from trading.models import Leg, Order, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.rules import named_price, price_and_fee, promised_costs


@dataclass(frozen=True, slots=True)
class OnMargin:
    """What an order does on margin: its terms, what is closed and opened of it, and the position's liquidation price after it."""

    leverage: int
    margin_mode: str
    closes: Decimal
    opens: Decimal
    margin: Decimal
    liquidation_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Quote:
    """An order at the price it expects to meet; quantities in base units, the rest in quote units.

    On margin `total` is what an open binds, with the fee, and `most` counts what is held on the other side as well.
    `slippage` is what the price it expects is worse than the one it was counted from, for the whole quantity.
    `total` is what a purchase takes from the balance, or what a sale brings, after the fee. `most` is the largest
    quantity that can be bought with what is free, or sold of what is held, in whole lots.
    """

    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    total: Decimal
    most: Decimal
    slippage: Decimal = ZERO
    on_margin: OnMargin | None = None

    @property
    def is_beyond(self) -> bool:
        return self.quantity > self.most


def quote_order(
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal = ZERO,
    *,
    terms: OrderTerms = PLAIN,
    unit: Unit = Unit.BASE,
) -> Quote | None:
    """Return what an order of `quantity` (0: not yet known) comes to; None while the instrument has no price.

    A market order meets the newest price, slippage included; others the price that they name, at worst.
    """
    newest = latest_prices([instrument]).get(instrument.pk)
    if newest is None:
        return None
    if instrument.is_perpetual:
        return _quote_on_margin(portfolio, instrument, side, quantity, terms, unit, newest.price)
    order = Order(portfolio=portfolio, instrument=instrument, side=side, **terms.columns())
    expected = named_price(order, newest.price) or newest.price
    is_buy = side == Side.BUY
    most = _most(order, expected, _free(portfolio, instrument.market.quote_id if is_buy else instrument.market.base_id))
    price, _ = price_and_fee(order, quantity, expected, is_maker=False)
    quantity = _in_base(order, quantity, unit, most, price, expected)
    price, fee = price_and_fee(order, quantity, expected, is_maker=False)
    value = quantity * price
    total = value + fee if is_buy else value - fee
    return Quote(side, quantity, price, fee, total, most, quantity * abs(price - expected))


def _quote_on_margin(
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    terms: OrderTerms,
    unit: Unit,
    market_price: Decimal,
) -> Quote:
    """Return what an order in a perpetual comes to; its amount in quote units is what the position will be worth."""
    common = {"portfolio": portfolio, "instrument": instrument, "side": side, **terms.columns()}
    order, exit_ = Order(leg=Leg.OPEN, **common), Order(leg=Leg.CLOSE, **common)
    holdings = Holdings({portfolio.pk}, {portfolio.settlement_id})
    margins = Margins([order], holdings)
    order.leverage = margins.leverage(order)
    expected = named_price(order, market_price) or market_price
    price, _ = price_and_fee(order, quantity, expected, is_maker=False)
    closeable = margins.closeable(exit_)
    if closeable:
        margins.let_go(order, holdings)
    free = holdings.free(portfolio.pk, portfolio.settlement_id)
    opens = affordable_quantity(free=free, market_price=expected, costs=promised_costs(order))
    opens = ZERO if terms.reduce_only else min(opens, margins.room(order, expected))
    most = closeable + floor_to_step(opens, instrument.lot_step)
    if unit is not Unit.BASE and quantity.is_finite():
        wanted = most * quantity / 100 if unit is Unit.PERCENT else quantity / price
        quantity = floor_to_step(wanted, instrument.lot_step)
    price, fee = price_and_fee(order, quantity, expected, is_maker=False)
    closes = min(quantity, closeable)
    bound = initial_margin((quantity - closes) * price, order.leverage)
    change = quantity if side == Side.BUY else -quantity
    position = position_on_margin(portfolio, instrument)
    at = price_of_liquidation(portfolio, position, change=change, price=price, fee=fee)
    facts = OnMargin(order.leverage, position.margin_mode, closes, quantity - closes, bound, at)
    return Quote(side, quantity, price, fee, bound + fee, most, quantity * abs(price - expected), facts)


def _most(order: Order, expected: Decimal, free: Decimal) -> Decimal:
    if order.side == Side.BUY:
        free = affordable_quantity(free=free, market_price=expected, costs=promised_costs(order))
    return floor_to_step(free, order.instrument.lot_step)


def _in_base(order: Order, amount: Decimal, unit: Unit, most: Decimal, price: Decimal, expected: Decimal) -> Decimal:
    """Return an amount in base units, in whole lots where it was not given so."""
    if unit is Unit.BASE or not amount.is_finite():
        return amount
    if unit is Unit.PERCENT:
        wanted = most * amount / 100
    elif order.side == Side.BUY:
        wanted = affordable_quantity(free=amount, market_price=expected, costs=promised_costs(order))
    else:
        wanted = amount / price
    return floor_to_step(wanted, order.instrument.lot_step)


def _free(portfolio: Portfolio, asset_id: str) -> Decimal:
    balance = Balance.objects.filter(portfolio=portfolio, asset=asset_id).first()
    return balance.free if balance else ZERO
