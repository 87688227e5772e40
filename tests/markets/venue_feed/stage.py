"""A feed that follows the test exchange: connected as an operator would, with every wait cut short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.bus import bus
from common.ids import new_id
from engine.timeframes import milliseconds
from markets.boards import FeedState, FeedStatus, feed_statuses
from markets.charts import candle_rows
from markets.connecting import fetch_markets
from markets.feeding import start_feed
from markets.models import Exchange, Instrument, InterestKind, SourceKind
from markets.prices import board_name, latest_prices
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.services import connect_exchange, register_exchange, renew_interest, synchronise_instruments
from markets.signals import candle_closed
from markets.venue_feed.feed import Background
from markets.venue_feed.tuning import Tuning
from sandbox.faults import Fault, FaultKind
from sandbox.venue import Setup
from tests.markets.venue_feed.exchanges import Row, TestExchange

SOON = 15.0
SPEED = 120
# A minute passes in half a second.
FAST = Setup(
    history_minutes=30,
    knot_ms=100,
    speed=SPEED,
    spot_weight=1_000_000,
    futures_weight=1_000_000,
    kraken_counter=1_000_000,
)
QUICK = Tuning(
    look=0.1,
    settle_subscriptions=0.2,
    flush=0.05,
    status=0.1,
    silence=dict.fromkeys(InterestKind, 1.0) | {InterestKind.TICKER: 2.5},
    overlap=1.0,
    first_wait=0.1,
    longest_wait=0.3,
    candle_settle=0.1,
    candle_quiet=20.0,
    ask_again=0.1,
    stale=1.5,
    check_prices=0.3,
    funding=0.3,
)


class Stage:
    """One exchange of the platform over a sandbox, what is heard of its candles, and its feed."""

    def __init__(self, venue: TestExchange, dialect: str = "binance") -> None:
        self.venue, self.dialect = venue, dialect
        code = f"feed-{new_id().hex[-12:]}"
        made = register_exchange(code=code, name=f"Feed of {dialect}", namespace=code, source_kind=SourceKind.REAL)
        address = f"{venue.url}/{{host}}"
        self.exchange: Exchange = connect_exchange(exchange=made, dialect=dialect, base_url=address, is_sandbox=True)
        synchronise_instruments(exchange=self.exchange, markets=fetch_markets(self.exchange))
        # (instrument, timeframe, opened at in ms), in the order in which they were told.
        self.told: list[tuple[UUID, str, int]] = []

    def instrument(self, symbol: str) -> Instrument:
        """Return an instrument by the gateway's symbol, with exchange and market."""
        return Instrument.objects.select_related("exchange", "market").get(
            exchange=self.exchange, gateway_symbol=symbol
        )

    def want(self, instruments: Sequence[Instrument], *kinds: InterestKind, seconds: float = 600) -> None:
        """Need these kinds of data."""
        for kind in kinds:
            keys = [one.pk for one in instruments]
            renew_interest(instrument_ids=keys, kind=kind, reason="page", seconds=seconds)

    @contextmanager
    def feeding(self, tuning: Tuning = QUICK, background: Sequence[Background] = ()) -> Iterator[threading.Thread]:
        """Feed while the block lasts."""
        stop = threading.Event()
        candle_closed.connect(self._hear)
        thread = start_feed(self.exchange.code, speed=1, stop=stop, background=background, tuning=tuning)
        try:
            yield thread
        finally:
            stop.set()
            thread.join(SOON)
            candle_closed.disconnect(self._hear)
            assert not thread.is_alive()

    def _hear(self, instrument_id: UUID, timeframe: str, opened_at: str, **facts: Any) -> None:
        self.told.append((instrument_id, timeframe, milliseconds(datetime.fromisoformat(opened_at))))

    def told_of(self, instrument: Instrument, timeframe: str = "1m") -> list[int]:
        """Return what was told of a series, in order."""
        return [at for key, name, at in self.told if key == instrument.pk and name == timeframe]

    def price(self, instrument: Instrument) -> Any:
        """Return the newest price on the board, or None."""
        return latest_prices([instrument]).get(instrument.pk)

    def status(self) -> FeedStatus:
        """Return what the feed last said of itself."""
        return feed_statuses([self.exchange.code])[self.exchange.code]

    def state(self) -> FeedState | None:
        """Return the feed's state as it last said, None where it never did."""
        found = feed_statuses([self.exchange.code]).get(self.exchange.code)
        return found.state if found else None

    def fault(self, kind: FaultKind, **facts: Any) -> Fault:
        """Switch a fault of the exchange on."""
        return self.venue.switch_on(self.dialect, Fault(kind, **facts))

    def mend(self) -> None:
        """Switch all faults off."""
        self.venue.switch_off(self.dialect)

    def wait_for_minutes(self, instrument: Instrument, count: int) -> None:
        """Return once so many more minutes were told."""
        enough = len(self.told_of(instrument)) + count
        wait_for(lambda: len(self.told_of(instrument)) >= enough)

    def stored(self, instrument: Instrument, timeframe: str = "1m") -> dict[int, Row]:
        """Return the stored candles of a series by their time."""
        found = candle_rows(candle_arrays(instrument, timeframe, end=FAR_FUTURE))
        return {one.opened_at: (one.open, one.high, one.low, one.close, one.volume) for one in found}

    def own(self, instrument: Instrument, timeframe: str = "1m") -> dict[int, Row]:
        """Return the exchange's own closed candles of a series by their time."""
        return self.venue.candles(self.dialect, instrument.gateway_symbol, timeframe)

    def check_candles(self, instrument: Instrument, timeframe: str = "1m", at_least: int = 3) -> None:
        """Assert that told candles are each once, in order, without a hole, stored, and the exchange's own."""
        told = self.told_of(instrument, timeframe)
        length = 60_000 * {"1m": 1, "5m": 5}[timeframe]
        assert len(told) >= at_least
        assert told == list(range(told[0], told[-1] + 1, length))
        stored, own = self.stored(instrument, timeframe), self.own(instrument, timeframe)
        for at in told:
            assert stored[at] == pytest.approx(own[at], rel=1e-12), f"{timeframe} candle of {at}"

    def forget(self) -> None:
        """Take everything off the boards."""
        bus().board_drop(board_name(self.exchange.namespace))


def wait_for(condition: Callable[[], object], seconds: float = SOON) -> None:
    """Return once something is true; fail if it does not become so."""
    deadline = clock.monotonic() + seconds
    while not condition():
        assert clock.monotonic() < deadline, "it did not come true in time"
        clock.sleep(0.02)
