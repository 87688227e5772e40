"""Orders and what becomes of them: requests, states, fills, and the money that an order holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.decimals import ZERO


class Side(StrEnum):
    """Which way."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """Return the other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """Return +1 for buying, −1 for selling."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """What an order does once it works; the stop kinds wait for their trigger first."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"

    @property
    def is_conditional(self) -> bool:
        """Tell whether it waits for a trigger price."""
        return self not in (OrderType.LIMIT, OrderType.MARKET)

    @property
    def is_limit(self) -> bool:
        """Tell whether it works with a limit price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)


class TimeInForce(StrEnum):
    """How long an order works."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Status(StrEnum):
    """An order's state; EXPIRED is the venue's doing, CANCELED the owner's."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        """Tell whether more may come."""
        return self in (Status.NEW, Status.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What an account asks for. `quantity` is in base units; a market order may give `quote_quantity` instead."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    # Closes whatever is there when it triggers (futures).
    close_position: bool = False
    client_id: str = ""
    # A number that the client gives beside its id (Kraken).
    userref: int = 0


@dataclass(slots=True)
class Hold:
    """Money set aside for an order, or for the legs of a list together: `per_unit` of `asset` for each unit still to fill."""

    asset: str
    per_unit: Decimal
    amount: Decimal
    users: int = 1


@dataclass(slots=True, eq=False)
class Order:
    """An order the venue knows."""

    id: int
    account: str
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    close_position: bool
    quote_quantity: Decimal | None
    created_ms: int
    updated_ms: int
    # False while a stop waits for its trigger.
    working: bool = True
    status: Status = Status.NEW
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee: Decimal = ZERO
    list_id: int = -1
    list_client_id: str = ""
    hold: Hold | None = None
    fills: list[Fill] = field(default_factory=list)
    userref: int = 0

    @property
    def remaining(self) -> Decimal:
        """Return what is not filled yet."""
        return self.quantity - self.filled

    @property
    def given_id(self) -> str | None:
        """Return the id that the client gave, None where the exchange made one."""
        return None if self.client_id == made_id(self.id) else self.client_id

    @property
    def average_price(self) -> Decimal:
        """Return the average fill price, 0 before the first fill."""
        return self.filled_quote / self.filled if self.filled else ZERO


def made_id(order_id: int) -> str:
    """Return the client id of an order whose client gave none."""
    return f"sandbox-{order_id}"


@dataclass(frozen=True, slots=True)
class Trade:
    """A public trade."""

    id: int
    symbol: str
    price: Decimal
    quantity: Decimal
    at_ms: int
    buyer_is_maker: bool
    maker_order_id: int = 0
    taker_order_id: int = 0


@dataclass(frozen=True, slots=True)
class Fill:
    """One account's side of a trade; `fee` in `fee_asset`, `realized_pnl` in quote units (futures only)."""

    trade_id: int
    order_id: int
    account: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    at_ms: int
    realized_pnl: Decimal = ZERO
