"""What the platform asks of any exchange, and the shapes of its answers. Nothing here knows a venue or a library.

Prices, quantities and fees are exact Decimals; only candles are floats, as in the candle store. Quantities are in
base units for spot and linear contracts, and in contracts for inverse ones (`Instrument.contract_size` quote units
each): the adapter converts to and from the venue's own contracts. Times are aware and in UTC. Each call may raise
any branch of `markets.gateway.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from engine.candle_builder import Candle
from engine.candles import Candles
from markets.models import MarketKind

DEFAULT_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Connection:
    """Which venue to speak to, and where.

    `venue` is a key of VENUES, which names the dialect; `name` is what limiter and breaker know it by (an exchange's
    code; the venue's where none is given). `base_url` replaces scheme, host and port of every address of the venue, and
    comes before its path; "{host}" in it stands for the host it replaces. `account` names the credentials' owner for
    limits that count by account; "" is the public.
    """

    venue: str
    name: str = ""
    base_url: str = ""
    is_sandbox: bool = False
    account: str = ""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    @property
    def code(self) -> str:
        """What limiter, breaker and messages know this venue by."""
        return self.name or self.venue


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's secrets, in the names of the unified interface; unused ones are "". Never shown by repr."""

    api_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    wallet_address: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MarketInfo:
    """A market as its venue describes it.

    `symbol` is the unified one, by which every other call names it (BTC/USDT, BTC/USDT:USDT); `contract` is "" for
    spot, "PERP" where the quote settles, else "PERP-" and the settling asset. `contract_size` is base units a contract
    (linear) or quote units (inverse), 1 for spot. Steps and minima are in the quantities described above. A fee that the
    venue does not tell is None; a rebate is negative.
    """

    symbol: str
    venue_symbol: str
    kind: MarketKind
    base: str
    quote: str
    settle: str
    contract: str
    contract_size: Decimal
    tick_size: Decimal
    lot_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    maker_fee_bps: Decimal | None
    taker_fee_bps: Decimal | None
    is_active: bool

    @property
    def is_inverse(self) -> bool:
        """Whether the base settles."""
        return self.kind == MarketKind.PERPETUAL and self.settle == self.base


@dataclass(frozen=True, slots=True)
class Ticker:
    """A market's newest state; a price that the venue does not tell is None. `change_ratio` is over 24 h (0.05 = +5 %)."""

    symbol: str
    at: datetime
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    high: Decimal | None
    low: Decimal | None
    base_volume: Decimal | None
    quote_volume: Decimal | None
    change_ratio: Decimal | None


@dataclass(frozen=True, slots=True)
class Level:
    """The quantity that rests at a price."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Both sides of a book, best first. `nonce` grows with each change where the venue counts them."""

    symbol: str
    at: datetime
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    nonce: int | None


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade between others; `side` is the taker's."""

    symbol: str
    trade_id: str
    at: datetime
    side: Side | None
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What longs pay shorts at `at`, as a fraction of the position's value (negative: shorts pay)."""

    symbol: str
    at: datetime
    rate: Decimal
    mark_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LeverageTier:
    """Up to `max_notional` (settlement units; None: without end) at most this leverage may be used."""

    symbol: str
    min_notional: Decimal
    max_notional: Decimal | None
    maintenance_margin_ratio: Decimal
    max_leverage: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of an asset; `used` is bound by orders and positions."""

    asset: str
    free: Decimal
    used: Decimal
    total: Decimal


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "PO"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to send. `client_order_id` is ours: 32 lowercase hex digits; the adapter writes it as the venue wants it.

    With a `stop_price` it waits at the venue until the price gets there: from below for a buy, from above for a sale.
    """

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    is_reduce_only: bool = False


class OrderStatus(StrEnum):
    """The venue's word on an order; what it does not say is OPEN until it does."""

    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the venue knows it. `client_order_id` is ours where the order is ours, else the venue's text or "".

    An answer to a cancel may say little: no side, a quantity of 0.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side | None
    type: str
    status: OrderStatus
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountTrade:
    """A fill of the account's own. `fee` is positive where it was paid, and in `fee_asset`."""

    symbol: str
    trade_id: str
    venue_order_id: str
    client_order_id: str
    at: datetime
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool | None


@dataclass(frozen=True, slots=True)
class Position:
    """An open contract position; `quantity` is signed (negative: short)."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    liquidation_price: Decimal | None
    unrealized_pnl: Decimal | None
    leverage: Decimal | None


class MarginMode(StrEnum):
    """What backs a position at a venue: the margin set aside for it alone, or the account's whole wallet."""

    ISOLATED = "isolated"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class FundingReceived:
    """What a position received at a funding time (negative: paid), in `asset`. `payment_id` is the venue's own."""

    symbol: str
    payment_id: str
    at: datetime
    amount: Decimal
    asset: str


class MarketData(Protocol):
    """What anybody may ask a venue."""

    async def load_markets(self) -> list[MarketInfo]:
        """Return all spot and perpetual markets, asked afresh."""

    async def tickers(self, symbols: Sequence[str] | None = None) -> dict[str, Ticker]: ...

    async def candles(
        self, symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Candles:
        """Return one page, oldest first; its last candle may still be forming."""

    def candle_pages(self, symbol: str, timeframe: str, *, since: datetime, until: datetime) -> AsyncIterator[Candles]:
        """Yield page after page of candles with since ≤ opened < until, each candle once; stretches without are skipped."""

    async def order_book(self, symbol: str, limit: int | None = None) -> OrderBook: ...

    async def trades(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[PublicTrade]: ...

    async def funding_rates(self, symbols: Sequence[str]) -> dict[str, FundingRate]: ...

    async def funding_history(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[FundingRate]: ...

    async def leverage_tiers(self, symbol: str) -> list[LeverageTier]: ...

    async def public_tiers(self, symbols: Sequence[str]) -> dict[str, list[LeverageTier]]: ...


class AccountAccess(Protocol):
    """What the holder of credentials may ask. An order request without an answer raises Unknown, never Rejected."""

    async def balances(self) -> dict[str, Balance]:
        """Return what the account holds, by asset; of a futures account its wallets, without unrealized profits."""

    async def create_order(self, order: OrderRequest) -> OrderState: ...

    async def cancel_order(self, client_order_id: str, symbol: str) -> OrderState | None:
        """Cancel; return what the venue then says of the order, None where it says nothing. OrderNotFound: too late."""

    async def order(self, client_order_id: str, symbol: str) -> OrderState:
        """Ask about an order; OrderNotFound is the venue's definite word that it does not know it."""

    async def open_orders(self, symbol: str | None = None) -> list[OrderState]: ...

    async def my_trades(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[AccountTrade]: ...

    async def positions(self, symbols: Sequence[str] | None = None) -> list[Position]: ...

    async def is_hedged(self) -> bool:
        """Say whether the account may hold a long and a short of the same market (hedge mode), instead of one net position."""

    async def set_terms(self, symbol: str, leverage: int, mode: MarginMode) -> None:
        """Have a market traded on these terms from now on; the same again changes nothing. Skip: the venue refused them."""

    async def funding_received(self, *, since: datetime) -> list[FundingReceived]:
        """Return what positions received and paid at funding times, oldest first."""


class Streams(Protocol):
    """Live data, message by message. An iterator that fails is over: connecting again is its reader's business."""

    def trades(self, symbols: Sequence[str]) -> AsyncIterator[list[PublicTrade]]: ...

    def tickers(self, symbols: Sequence[str]) -> AsyncIterator[Mapping[str, Ticker]]: ...

    def candles(self, symbols: Sequence[str], timeframe: str) -> AsyncIterator[Mapping[str, list[Candle]]]:
        """Yield the newest candles by symbol, the forming one last; one that closed comes a last time, final."""

    def order_books(self, symbols: Sequence[str], limit: int = 20) -> AsyncIterator[OrderBook]:
        """Yield a book as it stands whenever it changed; a reader that is slow sees fewer, never older ones."""

    def orders(self) -> AsyncIterator[list[OrderState]]: ...

    def my_trades(self) -> AsyncIterator[list[AccountTrade]]: ...
