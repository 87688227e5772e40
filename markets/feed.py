"""Journey C's start: a price source's steps become board prices, market time, closed candles and live cells.

One feed runs per venue. Market time advances only when everything that earlier prices set off is finished.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common import clock
from common.bus import bus
from common.db import one_moment
from markets.live import LivePrices
from markets.prices import board_name, price_cells
from markets.services.candles import store_recent_candles
from markets.signals import candle_closed
from markets.steps import ClosedCandle, PriceSource, Step

logger = logging.getLogger(__name__)

__all__ = [
    "ClosedCandle",
    "PriceSource",
    "Step",
    "announce_prices",
    "apply_step",
    "register_backlog",
    "run_feed",
    "settled",
    "tell_closed",
    "ticks_channel",
]

# How long market time waits for work that earlier prices set off: a stuck worker must not stop the market for good.
SETTLE_SECONDS = 2.0
_SETTLE_POLL_SECONDS = 0.005
# A feed that is later than this starts counting afresh, so that lost time is not caught up in a burst.
_MAX_LAG_SECONDS = 1.0


def ticks_channel(namespace: str) -> str:
    """Return the bus channel of a namespace's ticks: {"at": ISO time, "prices": {instrument id: "price"}}."""
    return f"ticks:{namespace}"


def apply_step(namespace: str, step: Step, *, persists_candles: bool) -> None:
    """Make one step true: candles stored, prices and market time on the board, then everybody told.

    Candles come first, unseen while market time is before their end; so whoever hears that one closed finds it, and
    an order sent on that news meets the price that closed it.
    """
    if persists_candles and step.closed:
        store_recent_candles(candles=step.closed)
    announce_prices(namespace, step.prices, step.at)
    for candle in step.closed:
        tell_closed(candle)


def announce_prices(
    namespace: str, prices: Mapping[UUID, Decimal], at: datetime, *, moves_market_time: bool = True
) -> None:
    """Put prices, and market time where they move it, on the board; then tell everybody who listens for ticks.

    Real venues do not move it: several share a namespace, and its market time is that of the wall.
    """
    texts = {str(instrument_id): format(price, "f") for instrument_id, price in prices.items()}
    moment = at.isoformat()
    boards = {board_name(namespace): price_cells(texts, at)}
    if moves_market_time:
        boards[clock.MARKET_CLOCKS] = {namespace: moment}
    bus().announce(boards, ticks_channel(namespace), {"at": moment, "prices": texts})


def tell_closed(candle: ClosedCandle) -> None:
    """Tell everybody in this process that a candle closed, which is stored by now."""
    candle_closed.send(
        ClosedCandle,
        instrument_id=candle.instrument_id,
        timeframe=candle.timeframe,
        opened_at=candle.opened_at.isoformat(),
    )


_backlogs: list[Callable[[str], bool]] = []


def register_backlog(has_backlog: Callable[[str], bool]) -> None:
    """Let market time wait while `has_backlog(namespace)`; called from an upper app's `AppConfig.ready`."""
    if has_backlog not in _backlogs:
        _backlogs.append(has_backlog)


def settled(namespace: str) -> bool:
    """Return whether everything that earlier prices of a namespace set off is finished.

    As of one moment: work moves on while it is looked for, and what had left one table for another would be missed.
    """
    with one_moment():
        return not any(has_backlog(namespace) for has_backlog in _backlogs)


def run_feed(
    source: PriceSource,
    *,
    speed: float,
    stop: threading.Event,
    is_settled: Callable[[], bool] | None = None,
    heartbeat: Callable[[], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> None:
    """Play a source until it ends or `stop` is set, `speed` market seconds to one second of the wall.

    Live pages hear of the newest prices at most four times a second, whatever the number of steps. `is_settled`
    replaces the registered backlogs; `heartbeat` is called several times a second, and ends the feed by raising;
    `on_step` hears of each step once it is true, and must not wait.
    """
    pace, live = _Pace(speed), LivePrices(source.namespace)
    is_settled = is_settled or (lambda: settled(source.namespace))

    def while_waiting() -> float:
        if heartbeat is not None:
            heartbeat()
        return live.flush_if_due()

    for step in source.steps():
        while_waiting()
        pace.wait(step.at, stop, while_waiting=while_waiting)
        _wait_until_settled(source.namespace, is_settled, stop)
        if stop.is_set():
            break
        apply_step(source.namespace, step, persists_candles=source.persists_candles)
        live.add(step.at, step.prices)
        if on_step is not None:
            on_step(step)
    live.flush()


class _Pace:
    """Tells when a moment of market time is due by the wall."""

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError("A feed's speed is a positive number of market seconds per second.")
        self._speed = speed
        self._anchor: tuple[datetime, float] | None = None

    def wait(self, at: datetime, stop: threading.Event, *, while_waiting: Callable[[], float]) -> None:
        """Return when `at` is due or `stop` is set; `while_waiting` says in how many seconds to call it again."""
        if self._anchor is None:
            self._anchor = at, clock.monotonic()
        market_start, wall_start = self._anchor
        due = wall_start + (at - market_start).total_seconds() / self._speed
        while (left := due - clock.monotonic()) > 0 and not stop.wait(min(left, while_waiting())):
            pass
        if left < -_MAX_LAG_SECONDS:
            self._anchor = at, clock.monotonic()


def _wait_until_settled(namespace: str, is_settled: Callable[[], bool], stop: threading.Event) -> None:
    deadline = clock.monotonic() + SETTLE_SECONDS
    while not is_settled() and not stop.wait(_SETTLE_POLL_SECONDS):
        if clock.monotonic() > deadline:
            logger.warning("Work of %s is still unfinished after %s s; its market goes on.", namespace, SETTLE_SECONDS)
            return
