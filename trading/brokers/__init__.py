"""Where orders go. Every broker takes and answers batches, and knows orders by *our* client order id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol
from uuid import UUID

from common.clock import wall_now
from trading.models import Order

# A claim older than this is not sent any more: somebody else may have asked the venue meanwhile, and sent the order again.
SEND_WITHIN = timedelta(seconds=5)


class Outcome(Enum):
    """What a broker knows of an order. UNKNOWN is no answer: the order may live, and is never sent again before NOT_FOUND.

    OPEN lives at the venue and may still fill; FILLED, CANCELED, EXPIRED and REJECTED have ended there.
    """

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """An execution as the venue reports it; base units and quote units. `venue_fill_id` is unique per venue account.

    `fee` is in quote units. Of it the venue kept `base_fee` base units instead, where it takes its fee from what it
    fills; or it took the fee in a third asset, of which the account, not the book, paid `paid_amount`.
    """

    order_id: UUID
    venue_account: str
    venue_fill_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    happened_at: datetime
    base_fee: Decimal = Decimal(0)
    paid_asset: str = ""
    paid_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What became of an order: the fills known by now, repeated ones included.

    `filled_quantity` is what the venue says was filled in all (base units): more than `fills` tell where those come
    late. None: the fills are all there is. `venue_order_id` is the venue's own name for the order, where it told it.
    `is_ours`: what is OPEN waits with our own broker, though it takes any price.
    """

    order_id: UUID
    outcome: Outcome
    fills: tuple[BrokerFill, ...] = field(default=())
    code: str = ""
    filled_quantity: Decimal | None = None
    venue_order_id: str = ""
    is_ours: bool = False

    @property
    def reported_quantity(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))


@dataclass(frozen=True, slots=True)
class Terms:
    """The leverage and margin mode (portfolios/margin_models.py) that a perpetual of an account is to be traded on."""

    account_id: UUID
    symbol: str
    leverage: int
    margin_mode: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue said to terms: taken, or refused in its words; neither where there was no answer."""

    terms: Terms
    is_taken: bool
    refusal: str = ""


def may_send(order: Order) -> bool:
    """Say whether a claimed order may still be sent. A broker that sends one after the other asks before each."""
    return order.claimed_at is not None and wall_now() <= order.claimed_at + SEND_WITHIN


class Broker(Protocol):
    """`submit` sends; `query` asks what became of orders sent before. Neither is called inside a transaction.

    `valid_for`: how long after it left us the venue may still accept a request. An order whose claim has grown too old to
    be sent (`may_send`) is answered UNKNOWN.
    """

    @property
    def valid_for(self) -> timedelta: ...

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]: ...

    def query(self, orders: Sequence[Order]) -> list[OrderResult]: ...


class VenueBroker(Broker, Protocol):
    """A broker whose far side keeps orders: `cancel` asks it to end them, and answers what then became of each.

    An order that is not for the venue yet (`Order.is_at_venue`) is answered OPEN: it waits on our book.
    """

    def cancel(self, orders: Sequence[Order]) -> list[OrderResult]: ...


class AccountBroker(VenueBroker, Protocol):
    """The broker of exchange accounts: `set_terms` has perpetuals traded on these terms from now on, each as often as it likes."""

    def set_terms(self, terms: Sequence[Terms]) -> list[Answer]: ...
