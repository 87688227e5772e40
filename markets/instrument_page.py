"""What one instrument's page shows, put together from the boards, the candle store and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse

from markets.boards import latest_books, latest_funding, latest_trades
from markets.chart_indicators import INDICATORS
from markets.charts import chart_timeframes
from markets.depth import Ladder, ladder
from markets.gateway.protocol import FundingRate, PublicTrade
from markets.models import Instrument, MarketKind
from markets.selectors import comparable_instruments
from markets.sources import plain_tick
from markets.tickers import Ticker, tickers, with_curves
from markets.venues import VenueStatus, status_of

# What a chart opens with, where the instrument has candles of it.
FIRST_TIMEFRAME = "5m"
# Newest trades, and neighbours, that the page shows.
SHOWN_TRADES = 30
NEIGHBOURS = 20


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The same coin at another venue; `premium_ratio` is its price ÷ ours − 1, where it is the same market."""

    ticker: Ticker
    is_same_market: bool
    premium_ratio: Decimal | None


@dataclass(frozen=True, slots=True)
class InstrumentPage:
    """All that the page of `ticker.instrument` needs. `is_live`: its venue has books and trades."""

    ticker: Ticker
    is_live: bool
    venue: VenueStatus | None
    ladder: Ladder
    trades: Sequence[PublicTrade | None]
    funding: FundingRate | None
    neighbours: Sequence[Neighbour]


def instrument_page(instrument: Instrument) -> InstrumentPage:
    """Return what the page shows at this moment, in a fixed number of queries and board reads."""
    others = list(comparable_instruments(instrument)[:NEIGHBOURS])
    [ticker], found = with_curves(tickers([instrument])), tickers(others)
    is_live, is_perpetual = bool(instrument.exchange.dialect), instrument.market.kind == MarketKind.PERPETUAL
    trades = latest_trades([instrument]).get(instrument.id, []) if is_live else []
    newest = list(reversed(trades))[:SHOWN_TRADES]
    return InstrumentPage(
        ticker=ticker,
        is_live=is_live,
        venue=status_of(instrument.exchange) if is_live else None,
        ladder=ladder(latest_books([instrument]).get(instrument.id)) if is_live else Ladder(),
        trades=[*newest, *[None] * (SHOWN_TRADES - len(newest))],
        funding=latest_funding([instrument]).get(instrument.id) if is_perpetual else None,
        neighbours=sorted((_neighbour(one, ticker) for one in found), key=lambda one: not one.is_same_market),
    )


def chart_of(instrument: Instrument, timeframe: str, indicators: Sequence[str]) -> dict[str, Any]:
    """Return what the chart's frame is drawn from: ranges with their addresses, indicators, the chosen of both."""
    offered = chart_timeframes(instrument)
    first = FIRST_TIMEFRAME if FIRST_TIMEFRAME in offered else next(iter(offered), "")
    chosen = timeframe if timeframe in offered else first
    addresses = {name: reverse("markets:candles", args=[instrument.id, name]) for name in offered}
    exponent = plain_tick(instrument).as_tuple().exponent
    return {
        "chosen": chosen,
        "url": addresses.get(chosen, ""),
        "label": f"Price of {instrument}",
        "topic": f"candles:{instrument.id}",
        "precision": str(max(0, -int(exponent))),
        "ranges": [
            {"label": name, "url": url, "series": name, "active": name == chosen} for name, url in addresses.items()
        ],
        "indicators": [
            {"key": one.key, "name": one.name, "label": one.label, "active": one.key in indicators}
            for one in INDICATORS.values()
        ],
    }


def _neighbour(other: Ticker, ours: Ticker) -> Neighbour:
    is_same = other.instrument.market_id == ours.instrument.market_id
    known = is_same and other.price is not None and ours.price
    return Neighbour(other, is_same, other.price / ours.price - 1 if known and other.price and ours.price else None)
