"""What open pages may hear of single instruments and of venues, and what they keep coming while they are open.

Each gate returns the state from the boards and asks the feed of a real venue to watch what is shown; the hub asks again
while somebody hears the topic (common/realtime.py: register_topic). Market data is for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from common import clock, display
from common.errors import NotFound
from markets import live
from markets.boards import book_payload, latest_books, latest_trades, trade_payload
from markets.models import Instrument, InterestKind
from markets.selectors import instrument_by_id, instruments_by_id
from markets.services import renew_interest
from markets.tickers import tickers, with_curves
from markets.venues import told, venue_statuses

# While this process renewed something so lately, one more subscriber writes nothing: an interest lasts three times as long.
RENEW_SECONDS = 20.0
REASON = "page"

_renewed_at: dict[tuple[InterestKind, str, UUID], float] = {}


def watch(instruments: Iterable[Instrument], *kinds: InterestKind, reason: str = REASON) -> None:
    """Have the feeds of real venues watch these instruments for a minute, unless this process has just asked for it."""
    now, ids = clock.monotonic(), [one.id for one in instruments if one.exchange.dialect]
    for kind in kinds:
        due = [key for key in ids if now - _renewed_at.get((kind, reason, key), float("-inf")) >= RENEW_SECONDS]
        if due:
            renew_interest(instrument_ids=due, kind=kind, reason=reason)
            _renewed_at.update(((kind, reason, key), now) for key in due)
    if len(_renewed_at) > 50_000:
        _renewed_at.clear()


def ticker_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return the cells of one instrument (the gate of `ticker:`)."""
    instrument = instrument_by_id(instrument_id)
    watch([instrument], InterestKind.TICKER)
    [ticker] = tickers([instrument])
    if ticker.day_change_ratio is None:
        [ticker] = with_curves([ticker])
    return {
        "cells": {
            f"{instrument.id}.price": display.price(ticker.price, instrument.tick_size),
            f"{instrument.id}.change": ticker.day_change,
        }
    }


def book_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return the newest order book (the gate of `book:`)."""
    instrument = instrument_by_id(instrument_id)
    watch([instrument], InterestKind.BOOK)
    return {"book": book_payload(latest_books([instrument]).get(instrument.id))}


def trades_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return the newest trades, oldest first (the gate of `trades:`)."""
    instrument = instrument_by_id(instrument_id)
    watch([instrument], InterestKind.TRADES)
    return {"trades": [trade_payload(one) for one in latest_trades([instrument]).get(instrument.id, [])]}


def candles_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return the newest candles of every timeframe (the gate of `candles:`)."""
    instrument = instrument_by_id(instrument_id)
    watch([instrument], InterestKind.CANDLES, InterestKind.TICKER)
    return live.candles_snapshot(user, instrument_id)


def venues_snapshot(user: Any, key: str) -> dict[str, Any]:
    """Return how every venue is doing (the gate of `venues:all`)."""
    if key != "all":
        raise NotFound("topic")
    return {"venues": {one.exchange.code: told(one.feed, one.breaker) for one in venue_statuses()}}


def keep_tickers(instrument_ids: Sequence[str]) -> None:
    """Renew what `ticker:` topics need; so do the others for theirs."""
    _keep(instrument_ids, InterestKind.TICKER)


def keep_books(instrument_ids: Sequence[str]) -> None:
    _keep(instrument_ids, InterestKind.BOOK)


def keep_trades(instrument_ids: Sequence[str]) -> None:
    _keep(instrument_ids, InterestKind.TRADES)


def keep_candles(instrument_ids: Sequence[str]) -> None:
    _keep(instrument_ids, InterestKind.CANDLES, InterestKind.TICKER)


def _keep(instrument_ids: Sequence[str], *kinds: InterestKind) -> None:
    # A topic that was refused may still be among those that are heard, with a key that is no id.
    keys = [key for text in instrument_ids if (key := _id(text))]
    watch(instruments_by_id(keys).values(), *kinds)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
