"""What the exchange tells its listeners, at once and in order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from sandbox.core.orders import Fill, Order, Trade


class OrderChange(StrEnum):
    """What happened to an order."""

    NEW = "NEW"
    TRIGGERED = "TRIGGERED"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class AccountChange(StrEnum):
    """Why balances moved."""

    ORDER = "ORDER"
    FUNDING = "FUNDING_FEE"
    DEPOSIT = "DEPOSIT"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """A change of an order; `fill` is there for a TRADE. The order is the live one: read it at once."""

    order: Order
    change: OrderChange
    at_ms: int
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """Balances of an account that moved, and the markets whose positions did; `amounts` for funding, by asset."""

    account: str
    assets: frozenset[str]
    symbols: frozenset[str]
    change: AccountChange
    at_ms: int
    amount: Decimal | None = None


class Listener(Protocol):
    """A dialect's ear."""

    def on_trade(self, trade: Trade) -> None:
        """Hear a public trade."""

    def on_order(self, event: OrderEvent) -> None:
        """Hear a change of somebody's order."""

    def on_account(self, event: AccountEvent) -> None:
        """Hear that somebody's balances moved."""
