"""Small exchanges for tests: one market, no crowd, a house that quotes what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.core.clock import ManualTime, VenueClock
from sandbox.core.events import AccountEvent, OrderEvent
from sandbox.core.exchange import Exchange
from sandbox.core.instruments import BRACKETS, Instrument, Kind
from sandbox.core.margin import MarginBooks
from sandbox.core.orders import Order, OrderRequest, OrderType, Side, TimeInForce, Trade
from sandbox.core.spot import SpotBooks

D = Decimal
SYMBOL = "BTCUSDT"
START_MS = 1_700_000_000_000


def instrument(kind: Kind = Kind.SPOT) -> Instrument:
    """Ticks of 0.1, lots of 0.001, at least 5 in value; makers pay 0.1 %, takers 0.2 %."""
    return Instrument(
        symbol=SYMBOL, base="BTC", quote="USDT", kind=kind, tick=D("0.1"), step=D("0.001"), min_quantity=D("0.001"),
        max_quantity=D(1000), min_notional=D(5), maker_fee=D("0.001"), taker_fee=D("0.002"), brackets=BRACKETS,
    )  # fmt: skip


def exact(*values: Decimal | int) -> tuple[Decimal, ...]:
    """Return the values as decimals, to be compared with others."""
    return tuple(map(Decimal, values))


@dataclass
class Heard:
    """What a listener heard."""

    trades: list[Trade] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    accounts: list[AccountEvent] = field(default_factory=list)

    def on_trade(self, trade: Trade) -> None:
        self.trades.append(trade)

    def on_order(self, event: OrderEvent) -> None:
        if event.order.account != "house":
            self.orders.append(f"{event.order.client_id} {event.change} {event.order.status}")

    def on_account(self, event: AccountEvent) -> None:
        self.accounts.append(event)


class Place:
    """An exchange with its books. `quote` sets the house's quotes as {price: quantity} on each side."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.heard = Heard()
        exchange.matcher.listeners.append(self.heard)

    def quote(self, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> None:
        sides = ([(D(p), D(q)) for p, q in (side or {}).items()] for side in (bids, asks))
        self.exchange.matcher.quote(SYMBOL, *sides)
        self.exchange.matcher.finish()

    def last(self, price: str) -> None:
        """Let the crowd trade at a price."""
        self.exchange.matcher.print_trade(SYMBOL, D(price), D(1), Side.BUY, START_MS)
        self.exchange.matcher.finish()

    def place(
        self,
        side: str,
        quantity: str,
        price: str | None = None,
        *,
        account: str = "alice",
        stop: str | None = None,
        kind: OrderType | None = None,
        force: str = "GTC",
        post_only: bool = False,
        reduce_only: bool = False,
        client_id: str = "",
    ) -> Order:
        """Place an order: market without a price, limit with one."""
        found = kind or (OrderType.MARKET if price is None else OrderType.LIMIT)
        request = OrderRequest(
            SYMBOL, Side(side), found, D(quantity), price=D(price) if price else None,
            trigger_price=D(stop) if stop else None, time_in_force=TimeInForce(force), post_only=post_only,
            reduce_only=reduce_only, client_id=client_id,
        )  # fmt: skip
        return self.exchange.place(account, request)


class SpotPlace(Place):
    """Spot: alice and bob have 10,000 USDT and 10 BTC each."""

    def __init__(self, *, fee_in_quote: bool = False) -> None:
        self.time = ManualTime(START_MS)
        self.books = SpotBooks(fee_in_quote=fee_in_quote)
        super().__init__(Exchange([instrument()], self.books, VenueClock(source=self.time)))
        for account in ("alice", "bob"):
            self.books.open_account(account, {"USDT": D(10_000), "BTC": D(10)})

    def money(self, account: str = "alice") -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, locked) by asset."""
        return {asset: (b.free.normalize(), b.locked.normalize()) for asset, b in self.books.balances(account).items()}


class FuturesPlace(Place):
    """Perpetuals: alice and bob have 1,000 USDT each; the mark is the last price."""

    def __init__(self) -> None:
        self.time = ManualTime(START_MS)
        clock = VenueClock(source=self.time)
        self.books = MarginBooks(self.mark, clock.market_ms)
        super().__init__(Exchange([instrument(Kind.PERPETUAL)], self.books, clock))
        for account in ("alice", "bob"):
            self.books.open_account(account, {"USDT": D(1_000)})

    def mark(self, symbol: str) -> Decimal:
        """Return the last price."""
        return self.exchange.last_price(symbol)
