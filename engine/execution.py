"""What a market order costs on our own broker: slippage moves the price against the taker, the fee is a share of the value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import BPS, ONE, ZERO, money, price_to_tick


@dataclass(frozen=True, slots=True)
class Costs:
    """Taker fee and slippage in basis points, and the instrument's price tick; on margin, an open binds 1 / leverage."""

    fee_bps: Decimal
    slippage_bps: Decimal
    tick_size: Decimal
    leverage: int = 1


def limit_costs(costs: Costs, *, maker_fee_bps: Decimal) -> Costs:
    """Return the costs that a limit's promise covers: it never slips, and may meet either fee."""
    return replace(costs, slippage_bps=ZERO, fee_bps=max(costs.fee_bps, maker_fee_bps))


def taker_price(*, market_price: Decimal, is_buy: bool, costs: Costs) -> Decimal:
    """Return the price a market order meets: the market's, moved by the slippage and rounded to the tick away from the taker.

    >>> taker_price(market_price=Decimal(100), is_buy=True, costs=Costs(Decimal(10), Decimal(5), Decimal("0.01")))
    Decimal('100.05')
    """
    share = costs.slippage_bps / BPS
    moved = market_price * (ONE + share if is_buy else ONE - share)
    # Never below one tick: a sale always brings something.
    return max(price_to_tick(moved, costs.tick_size, up=is_buy), costs.tick_size)


def taker_fee(*, quantity: Decimal, price: Decimal, costs: Costs) -> Decimal:
    """Return the fee in quote units."""
    return money(quantity * price * costs.fee_bps / BPS)


def maker_fee(*, quantity: Decimal, price: Decimal, fee_bps: Decimal) -> Decimal:
    """Return the fee in quote units of an order that waited for its price."""
    return money(quantity * price * fee_bps / BPS)


def unit_cost(*, market_price: Decimal, costs: Costs) -> Decimal:
    """Return what opening one unit takes from the balance, fee included."""
    price = taker_price(market_price=market_price, is_buy=True, costs=costs)
    return price * (ONE / costs.leverage + costs.fee_bps / BPS)


def affordable_quantity(*, free: Decimal, market_price: Decimal, costs: Costs) -> Decimal:
    """Return how many units `free` quote units buy, fee included; not yet rounded to the lot step."""
    return max(free, ZERO) / unit_cost(market_price=market_price, costs=costs)
