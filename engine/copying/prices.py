"""The prices that copies name: opens within a cap of the lead's average (rule 14), exits within a band, then at any price (rule 16)."""

from __future__ import annotations

from decimal import Decimal

from engine.decimals import ONE, price_to_tick

# By kind of market: the caps for the two that are traded deepest, and for all others.
MAJORS = frozenset({"BTC", "ETH"})
SPOT_CAPS = (Decimal("0.003"), Decimal("0.005"))
FUTURES_CAPS = (Decimal("0.005"), Decimal("0.015"))
# An exit names a price this far from the market twice; then it takes what it gets.
EXIT_BAND = Decimal("0.01")
BANDED_EXITS = 2
LAST_EXIT = BANDED_EXITS + 1


def price_cap(*, base: str, is_spot: bool, chosen: Decimal | None) -> Decimal:
    """Return how far (0-1) from the lead's average price an open may still trade: the follower's own choice, else the market's.

    >>> price_cap(base="BTC", is_spot=True, chosen=None)
    Decimal('0.003')
    """
    if chosen is not None:
        return chosen
    deep, others = SPOT_CAPS if is_spot else FUTURES_CAPS
    return deep if base in MAJORS else others


def capped_price(price: Decimal, cap: Decimal, *, is_buy: bool, tick: Decimal) -> Decimal:
    """Return the limit of an order that trades no worse than `cap` from a price, rounded to the tick away from crossing (rule 10).

    Never below one tick: a sale always asks for something.
    """
    limit = price * (ONE + cap if is_buy else ONE - cap)
    return max(price_to_tick(limit, tick, up=not is_buy), tick)


def is_within(market_price: Decimal, price: Decimal, cap: Decimal, *, is_buy: bool) -> bool:
    """Say whether the market stands no worse than `cap` from a price, for whoever buys or sells."""
    return market_price <= price * (ONE + cap) if is_buy else market_price >= price * (ONE - cap)


def exit_band(attempt: int) -> Decimal | None:
    """Return how far from the market the attempt (1, 2, 3) at an exit may trade; None: at any price."""
    return EXIT_BAND if attempt <= BANDED_EXITS else None
