"""What a market order would cost or bring at this moment, before anybody has placed it. An estimate: nothing is promised."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step
from engine.execution import affordable_quantity, taker_fee, taker_price
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import Balance, Portfolio
from trading.models import Side
from trading.rules import costs_of


@dataclass(frozen=True, slots=True)
class Quote:
    """An order at the newest price, slippage included; quantities in base units, the rest in quote units.

    `total` is what a purchase takes from the balance, or what a sale brings, after the fee. `most` is the largest
    quantity that can be bought with what is free, or sold of what is held, in whole lots.
    """

    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    total: Decimal
    most: Decimal

    @property
    def is_beyond(self) -> bool:
        return self.quantity > self.most


def quote_order(portfolio: Portfolio, instrument: Instrument, side: Side, quantity: Decimal = ZERO) -> Quote | None:
    """Return what an order of `quantity` (0: not yet known) comes to; None while the instrument has no price."""
    newest = latest_prices([instrument]).get(instrument.pk)
    if newest is None:
        return None
    costs = costs_of(instrument, portfolio)
    is_buy = side == Side.BUY
    price = taker_price(market_price=newest.price, is_buy=is_buy, costs=costs)
    fee = taker_fee(quantity=quantity, price=price, costs=costs)
    free = _free(portfolio, instrument.market.quote_id if is_buy else instrument.market.base_id)
    if is_buy:
        free = affordable_quantity(free=free, market_price=newest.price, costs=costs)
    value = quantity * price
    return Quote(
        side=side,
        quantity=quantity,
        price=price,
        fee=fee,
        total=value + fee if is_buy else value - fee,
        most=floor_to_step(free, instrument.lot_step),
    )


def _free(portfolio: Portfolio, asset_id: str) -> Decimal:
    balance = Balance.objects.filter(portfolio=portfolio, asset=asset_id).first()
    return balance.free if balance else ZERO
