"""What a place of trading does with money: admit an order, settle its fills, release what it held. Spot and margin differ."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol

from sandbox.core.instruments import Instrument
from sandbox.core.orders import Order

EIGHT = Decimal("1E-8")


class Settled(NamedTuple):
    """What a fill cost its account, and what it earned by closing (futures; quote units)."""

    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal


class Settlement(Protocol):
    """Keeps accounts. Only the exchange calls it."""

    def open_account(self, account: str, balances: dict[str, Decimal]) -> None:
        """Open an account with money in it, or add to one."""

    def admit(self, order: Order, instrument: Instrument, cost: Decimal) -> None:
        """Set aside what the order may cost (`cost`: its quantity at what the book asks); Refusal when there is too little."""

    def settle(self, order: Order, instrument: Instrument, price: Decimal, quantity: Decimal, rate: Decimal) -> Settled:
        """Book a fill with its fee rate; the order's `filled` does not hold it yet."""

    def release(self, order: Order) -> None:
        """Give back what the order still holds."""

    def reducible(self, order: Order) -> Decimal:
        """Return how much of a reduce-only order may still fill; 0 where nothing can be reduced."""

    def assets(self, instrument: Instrument) -> frozenset[str]:
        """Name the balances that a fill moves."""


def fee_of(amount: Decimal, rate: Decimal) -> Decimal:
    """Return a fee, rounded to eight decimals half up."""
    return (amount * rate).quantize(EIGHT, ROUND_HALF_UP)
