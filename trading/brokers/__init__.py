"""Where orders go. Every broker takes and answers batches, and knows orders by *our* client order id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol
from uuid import UUID

from trading.models import Order


class Outcome(Enum):
    """What a broker knows of an order. UNKNOWN is no answer: the order may live, and is never sent again before NOT_FOUND."""

    FILLED = "FILLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """An execution as the venue reports it; base units and quote units. `venue_fill_id` is unique per venue account."""

    order_id: UUID
    venue_account: str
    venue_fill_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class OrderResult:
    order_id: UUID
    outcome: Outcome
    fills: tuple[BrokerFill, ...] = field(default=())
    code: str = ""


class Broker(Protocol):
    """`submit` sends; `query` asks what became of orders sent before. Neither is called inside a transaction."""

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]: ...

    def query(self, orders: Sequence[Order]) -> list[OrderResult]: ...
