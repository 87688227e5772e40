"""Venues of a test's own that are reached over the network, as far as scanners know: their books stand on the boards."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from common.bus import bus
from common.clock import market_now
from markets.boards import put_books, put_tickers
from markets.gateway.protocol import Level, OrderBook, Ticker
from markets.models import Asset, Exchange, Instrument, Market, MarketKind, SourceKind
from tests.fixtures_desk import NOON

Levels = list[tuple[str, str]]


class Venues:
    """Exchanges of one namespace. Fees are 10 bps unless a listing says otherwise."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._made: list[str] = []

    def exchange(self, code: str, **facts: Any) -> Exchange:
        """Connect an exchange."""
        self._made.append(code)
        shown = {"name": code.title(), "source_kind": SourceKind.REAL, "dialect": "binance"} | facts
        return Exchange.objects.create(code=code, namespace=self.namespace, **shown)

    def lists(self, exchange: Exchange, base: str, quote: str = "USDT", contract: str = "", **rules: Any) -> Instrument:
        """Have an exchange list a market."""
        for code in (base, quote):
            Asset.objects.get_or_create(code=code)
        kind = MarketKind.PERPETUAL if contract else MarketKind.SPOT
        market, _ = Market.objects.get_or_create(
            namespace=self.namespace, kind=kind, base_id=base, quote_id=quote, contract=contract
        )
        facts = {"tick_size": Decimal("0.01"), "lot_step": Decimal("0.001")} | rules
        symbol = "-".join(part for part in (base, quote, contract) if part)
        return Instrument.objects.create(exchange=exchange, market=market, symbol=symbol, **facts)

    def quote(self, instrument: Instrument, bids: Levels, asks: Levels, seconds_ago: float = 0.0) -> None:
        """Write a book on the board."""
        at = market_now(self.namespace) - timedelta(seconds=seconds_ago)
        held = [tuple(Level(Decimal(price), Decimal(size)) for price, size in side) for side in (bids, asks)]
        put_books(instrument.exchange.code, {instrument.pk: OrderBook(instrument.symbol, at, held[0], held[1], None)})

    def tells(self, instrument: Instrument, volume: str | None = None, change: str | None = None) -> None:
        """Write what a venue says of an instrument's day."""
        figures = [None if one is None else Decimal(one) for one in (volume, change)]
        ticker = Ticker(instrument.symbol, NOON, None, None, None, None, None, None, *figures)
        put_tickers(instrument.exchange.code, {instrument.pk: ticker})

    def forget(self) -> None:
        """Take what stands on the boards away."""
        for code in self._made:
            for kind in ("books", "tickers"):
                bus().board_drop(f"{kind}:{code}")
