"""A venue that is reached over the network, as far as pages and API can tell: what its feed would put on the boards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from common import clock
from common.bus import bus
from markets.boards import put_books, put_tickers, put_trades
from markets.gateway.protocol import Level, OrderBook, PublicTrade, Side, Ticker
from markets.models import Asset, Exchange, Instrument, Interest, Market, MarketKind
from markets.prices import put_prices
from tests.fixtures_desk import NOON, Desk


@contextmanager
def wall_at(at: datetime = NOON) -> Iterator[None]:
    """Stop the wall clock, which is a real venue's market time."""
    clock.use_wall_clock(lambda: at)
    try:
        yield
    finally:
        clock.use_wall_clock(None)


def networked(desk: Desk, *, dialect: str = "binance", is_sandbox: bool = True) -> Exchange:
    """Make a desk's exchange a real one; from here on its market time is the wall's."""
    Exchange.objects.filter(pk=desk.exchange.pk).update(dialect=dialect, is_sandbox=is_sandbox)
    bus().board_drop(clock.MARKET_CLOCKS)
    desk.exchange.refresh_from_db()
    return desk.exchange


def perpetual(desk: Desk, base: str = "BTC", contract: str = "PERP", **rules: Any) -> Instrument:
    """List a perpetual with a tick of 0.1."""
    quote = "USD" if contract != "PERP" else "USDT"
    assets = [Asset.objects.get_or_create(code=code)[0] for code in (base, quote)]
    market = Market.objects.create(
        kind=MarketKind.PERPETUAL, base=assets[0], quote=assets[1], contract=contract, namespace=desk.namespace
    )
    steps = {"tick_size": Decimal("0.1"), "lot_step": Decimal("0.001")}
    return Instrument.objects.create(
        exchange=desk.exchange, market=market, symbol=f"{base}{quote}-{contract}", **(steps | rules)
    )


def put_day(instrument: Instrument, price: str, change: str, turnover: str = "1000", at: datetime = NOON) -> None:
    """Put a price, and what the venue says of the day, on the boards: high 10 above, low 10 below."""
    put_prices(instrument.market.namespace, {str(instrument.id): price}, at)
    last = Decimal(price)
    told = Ticker(
        instrument.symbol, at, last, None, None, last + 10, last - 10, Decimal(5), Decimal(turnover), Decimal(change)
    )
    put_tickers(instrument.exchange.code, {instrument.id: told})


def put_book(instrument: Instrument, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> OrderBook:
    """Put a book of (price, quantity) on its board and return it."""
    below, above = (tuple(Level(Decimal(price), Decimal(size)) for price, size in side) for side in (bids, asks))
    book = OrderBook(instrument.symbol, NOON, below, above, nonce=1)
    put_books(instrument.exchange.code, {instrument.id: book})
    return book


def put_tape(instrument: Instrument, *prices: str) -> list[PublicTrade]:
    """Put trades of 0.5 on their board, the oldest first and a purchase, then by turns; return them."""
    trades = [
        PublicTrade(
            instrument.symbol, f"t{place}", NOON, Side.SELL if place % 2 else Side.BUY, Decimal(price), Decimal("0.5")
        )
        for place, price in enumerate(prices)
    ]
    put_trades(instrument.exchange.code, {instrument.id: trades})
    return trades


def watched(instrument: Instrument) -> set[tuple[str, str]]:
    """Return (kind, reason) of what the feed is asked to watch of an instrument."""
    return set(Interest.objects.filter(instrument=instrument).values_list("kind", "reason"))
