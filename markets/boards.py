"""What the feeds of real venues know at this moment: books, trades, tickers, funding, and how each feed is doing.

On bus boards, which every process reads and only a feed writes; nothing of it is a row. One board per kind and exchange,
one cell per instrument. The shapes are the gateway's own (`gateway/protocol.py`), read back digit by digit.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from common.bus import bus
from markets.gateway.protocol import FundingRate, Level, OrderBook, PublicTrade, Side, Ticker
from markets.health import VenueHealth
from markets.models import Instrument

# How many levels of a side, and how many of the newest trades, a board keeps.
BOOK_LEVELS, TRADES_KEPT = 20, 50
FEEDS = "feeds"
T = TypeVar("T")


class FeedState(StrEnum):
    """How a venue's feed is doing; a person reads it on the status page."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    # Connected, yet nothing has come for longer than the venue is ever silent.
    SILENT = "SILENT"
    # The venue cannot be reached; `retry_at` says when it is tried again.
    DOWN = "DOWN"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class RoughBook:
    """A book as (price, quantity) pairs of floats, best first; `at` as in OrderBook."""

    at: datetime
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed at a moment of the wall. Counters count since the process started."""

    exchange: str
    state: FeedState
    since: datetime
    seen_at: datetime
    reason: str = ""
    retry_at: datetime | None = None
    last_message_at: datetime | None = None
    messages_per_second: float = 0.0
    instruments: int = 0
    reconnects: int = 0
    gap_candles: int = 0
    outliers: int = 0
    revised_candles: int = 0


def put_books(exchange: str, books: Mapping[UUID, OrderBook]) -> None:
    """Write books down, best first, `BOOK_LEVELS` of each side at most."""
    _put(f"books:{exchange}", books, _book_cell)


def latest_books(instruments: Iterable[Instrument]) -> dict[UUID, OrderBook]:
    """Return the newest book of each instrument that has one; one board read per exchange."""
    return _latest("books", instruments, _book)


def latest_levels(instruments: Iterable[Instrument]) -> dict[UUID, RoughBook]:
    """Return the newest books as floats: for scanners, which look at thousands several times a second and settle nothing."""
    return _latest("books", instruments, _rough_book)


def put_trades(exchange: str, trades: Mapping[UUID, Sequence[PublicTrade]]) -> None:
    """Write the newest trades of instruments down, oldest first, in place of those that stood there."""
    _put(f"trades:{exchange}", trades, _trades_cell)


def latest_trades(instruments: Iterable[Instrument]) -> dict[UUID, list[PublicTrade]]:
    """Return the newest trades of each instrument that has some, oldest first."""
    return _latest("trades", instruments, _trades)


def put_tickers(exchange: str, tickers: Mapping[UUID, Ticker]) -> None:
    """Write down what a venue itself says of the last day."""
    _put(f"tickers:{exchange}", tickers, _flat_cell)


def latest_venue_tickers(instruments: Iterable[Instrument]) -> dict[UUID, Ticker]:
    """Return what the venues last said of each instrument's day, where they did."""
    return _latest("tickers", instruments, _ticker)


def told_days(exchange: str, instrument_ids: Iterable[UUID]) -> dict[UUID, dict[str, str | None]]:
    """Return what an exchange last said of instruments' days as plain text by field: for lists that sort thousands."""
    cells = bus().board_get(f"tickers:{exchange}", map(str, instrument_ids))
    return {UUID(key): json.loads(cell) for key, cell in cells.items()}


def put_funding(exchange: str, rates: Mapping[UUID, FundingRate]) -> None:
    """Write down the funding that is due next."""
    _put(f"funding:{exchange}", rates, _flat_cell)


def latest_funding(instruments: Iterable[Instrument]) -> dict[UUID, FundingRate]:
    """Return the next funding of each instrument that has one."""
    return _latest("funding", instruments, _funding)


def put_feed_status(status: FeedStatus) -> None:
    """Write down how a feed is doing, for everybody."""
    bus().board_put(FEEDS, {status.exchange: _flat_cell(status)})


def feed_statuses(exchanges: Iterable[str] | None = None) -> dict[str, FeedStatus]:
    """Return how feeds were doing when they last said so, by exchange code: all that ever ran, or the named ones."""
    return {code: _feed_status(json.loads(cell)) for code, cell in bus().board_get(FEEDS, exchanges).items()}


def book_payload(book: OrderBook | None) -> dict[str, Any]:
    """Return a book as pages and API show it: {"at", "bids": [["price", "quantity"], …], "asks"}, best first."""
    if book is None:
        return {"at": None, "bids": [], "asks": []}
    return {"at": book.at.isoformat(), "bids": _levels(book.bids), "asks": _levels(book.asks)}


def trade_payload(trade: PublicTrade) -> dict[str, Any]:
    """Return a trade between others as pages and API show it; `side` is the taker's, or "" where it is not told."""
    return {
        "id": trade.trade_id,
        "at": trade.at.isoformat(),
        "side": str(trade.side or ""),
        "price": format(trade.price, "f"),
        "quantity": format(trade.quantity, "f"),
    }


def venue_payload(status: FeedStatus | None, health: VenueHealth | None) -> dict[str, Any]:
    """Return how a venue is doing as the topic `venues:all` tells it: {"feed": facts or None, "breaker": facts or None}.

    Facts are the fields of FeedStatus and VenueHealth, times as ISO text.
    """
    return {"feed": _facts(status), "breaker": _facts(health)}


# --- cells ----------------------------------------------------------------------------------------------------------
def _put(board: str, values: Mapping[UUID, T], cell: Callable[[T], str]) -> None:
    if values:
        bus().board_put(board, {str(key): cell(value) for key, value in values.items()})


def _latest(kind: str, instruments: Iterable[Instrument], value: Callable[[Any], T]) -> dict[UUID, T]:
    wanted: dict[str, list[str]] = defaultdict(list)
    for instrument in instruments:
        wanted[instrument.exchange.code].append(str(instrument.id))
    found: dict[UUID, T] = {}
    for exchange, keys in wanted.items():
        cells = bus().board_get(f"{kind}:{exchange}", keys)
        found.update((UUID(key), value(json.loads(cell))) for key, cell in cells.items())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else value


def _facts(value: Any) -> dict[str, Any] | None:
    return None if value is None else {name: _plain(part) for name, part in asdict(value).items()}


def _flat_cell(value: Any) -> str:
    return json.dumps(_facts(value), separators=(",", ":"))


def _levels(levels: Sequence[Level]) -> list[list[str]]:
    return [[format(one.price, "f"), format(one.quantity, "f")] for one in levels[:BOOK_LEVELS]]


def _book_cell(book: OrderBook) -> str:
    return json.dumps({"symbol": book.symbol, "nonce": book.nonce, **book_payload(book)}, separators=(",", ":"))


def _book(facts: dict[str, Any]) -> OrderBook:
    bids, asks = (tuple(Level(Decimal(p), Decimal(q)) for p, q in facts[side]) for side in ("bids", "asks"))
    return OrderBook(facts["symbol"], datetime.fromisoformat(facts["at"]), bids, asks, facts["nonce"])


def _rough_book(facts: dict[str, Any]) -> RoughBook:
    bids, asks = ([(float(price), float(size)) for price, size in facts[side]] for side in ("bids", "asks"))
    return RoughBook(datetime.fromisoformat(facts["at"]), bids, asks)


def _trades_cell(trades: Sequence[PublicTrade]) -> str:
    kept = [{"symbol": one.symbol, **trade_payload(one)} for one in trades[-TRADES_KEPT:]]
    return json.dumps(kept, separators=(",", ":"))


def _trades(rows: list[dict[str, Any]]) -> list[PublicTrade]:
    return [
        PublicTrade(
            one["symbol"],
            one["id"],
            datetime.fromisoformat(one["at"]),
            Side(one["side"]) if one["side"] else None,
            Decimal(one["price"]),
            Decimal(one["quantity"]),
        )
        for one in rows
    ]


def _decimals(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if name == "symbol" else datetime.fromisoformat(value) if name == "at" else value and Decimal(value)
        for name, value in facts.items()
    }


def _ticker(facts: dict[str, Any]) -> Ticker:
    return Ticker(**_decimals(facts))


def _funding(facts: dict[str, Any]) -> FundingRate:
    return FundingRate(**_decimals(facts))


def _feed_status(facts: dict[str, Any]) -> FeedStatus:
    def read(name: str) -> datetime | None:
        return facts[name] and datetime.fromisoformat(facts[name])

    moments = {name: read(name) for name in ("since", "seen_at", "retry_at", "last_message_at")}
    shape: dict[str, Any] = facts | moments | {"state": FeedState(facts["state"])}
    return FeedStatus(**shape)
