"""Price alerts inside a feed: ticks meet a board in memory, and a thread of its own does all that may wait.

The two sides share two queues: changes come to the board, what it reached goes to be told. So no price waits for a
database, and a price costs no query.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import close_old_connections, connections

from common import clock
from common.clock import market_now
from common.failpoints import failpoint
from engine.alerts import AlertBoard, Watch, WatchKind, reached_by
from engine.candles import Candles
from engine.timeframes import TIMEFRAMES, milliseconds, moment, timeframe_ms
from markets.models import AlertState, Instrument, PriceAlert
from markets.prices import latest_prices
from markets.selectors import Span, candles_of_each, instruments_by_id, timeframes_of_each
from markets.services.alerts import Firing, fire_alerts, rearm_alerts
from markets.sources import plain_tick
from markets.steps import ClosedCandle, Step

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
_POLL_SECONDS = 0.05
# What the board takes in with each step, and every so often beside them: prices wait for it, so it is a little each time.
_CHANGES_PER_STEP, _CHANGES_AT_ONCE, _TEND_SECONDS = 3, 200, 0.02
# Told in one transaction; and how far back candles are looked through for what nobody evaluated.
_FIRED_AT_ONCE = 50
CATCH_UP = timedelta(days=1)
_TIMEFRAME_OF = {length: timeframe for timeframe, length in TIMEFRAMES.items()}


@dataclass(frozen=True, slots=True)
class _Change:
    """What the board is to do: put a watch (None: take it away), and meet it with the newest price it may not know."""

    alert_id: UUID
    instrument_id: UUID
    watch: Watch | None
    price: Decimal | None = None
    history: tuple[int, Candles] | None = None


@dataclass(frozen=True, slots=True)
class _Rest:
    """A repeating alert that was told: when it may wait again, and at which price it is on the other side."""

    instrument_id: UUID
    until: datetime
    back: Watch | None


class AlertWatch:
    """The alerts of one namespace: `on_step` and `tend` belong to the feed, `work` to whoever may wait."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._board: AlertBoard[UUID] = AlertBoard()
        self._changes: deque[_Change] = deque()
        self._reached: deque[Firing] = deque()
        self._tend_at = 0.0
        # The worker's own.
        self._seen = 0
        self._resting: dict[UUID, _Rest] = {}
        # Rested, and watched until the price is on the other side: told of by the board like any other.
        self._returning: set[UUID] = set()
        self._refresh_at = 0.0
        self._at_once = _FIRED_AT_ONCE

    # --- the feed's side: no database, nothing that waits -----------------------------------------------------------
    def on_step(self, step: Step) -> None:
        """Meet the board with a step's prices and the candles it closed."""
        self._take_in(_CHANGES_PER_STEP)
        at_ms = milliseconds(step.at)
        for candle in step.closed:
            self._meet_candle(candle, step.at)
        for instrument_id, price in step.prices.items():
            for alert_id in self._board.on_price(instrument_id, price, at_ms):
                self._reached.append(Firing(alert_id, step.at, price))

    def tend(self) -> None:
        """Take in changes that wait, some at a time; for a feed in which no price comes for a while."""
        if clock.monotonic() >= self._tend_at:
            self._tend_at = clock.monotonic() + _TEND_SECONDS
            self._take_in(_CHANGES_AT_ONCE)

    def _take_in(self, most: int) -> None:
        for _ in range(min(len(self._changes), most)):
            self._apply(self._changes.popleft())

    def _apply(self, change: _Change) -> None:
        if change.watch is None:
            self._board.disarm(change.alert_id)
            return
        self._board.arm(change.alert_id, change.instrument_id, change.watch)
        if change.history is not None:
            self._board.learn(change.instrument_id, *change.history)
        if change.price is not None and change.watch.kind in (WatchKind.ABOVE, WatchKind.BELOW):
            # What is true already is told at once.
            for alert_id in self._board.on_price(change.instrument_id, change.price, change.watch.since_ms):
                self._reached.append(Firing(alert_id, moment(change.watch.since_ms), change.price))

    def _meet_candle(self, candle: ClosedCandle, at: datetime) -> None:
        high, low = Decimal(repr(candle.high)), Decimal(repr(candle.low))
        length_ms, opened_ms = TIMEFRAMES[candle.timeframe], milliseconds(candle.opened_at)
        found = self._board.on_candle(candle.instrument_id, length_ms, opened_ms, high, low, candle.volume)
        close = Decimal(repr(candle.close))
        self._reached.extend(Firing(alert_id, at, close) for alert_id in found)

    # --- the worker's side ------------------------------------------------------------------------------------------
    def work(self) -> None:
        """Tell of what was reached, and once a second hear of new alerts and wake those that have rested."""
        if self._reached:
            self._tell()
        if clock.monotonic() >= self._refresh_at:
            self._refresh_at = clock.monotonic() + REFRESH_SECONDS
            self._refresh()
            self._wake()

    def _tell(self) -> None:
        """Fire what the board reached. What cannot be told now goes to the end of the queue, next time one by one."""
        batch = [self._reached.popleft() for _ in range(min(len(self._reached), self._at_once))]
        back = [firing.alert_id for firing in batch if firing.alert_id in self._returning]
        failpoint("alerts-reached")
        try:
            fire_alerts(namespace=self.namespace, firings=[one for one in batch if one.alert_id not in back])
            if back:
                rearm_alerts(namespace=self.namespace, alert_ids=back)
        except Exception:
            self._reached.extend(batch)
            self._at_once = 1
            raise
        failpoint("alerts-committed")
        self._at_once = min(2 * self._at_once, _FIRED_AT_ONCE)
        self._returning.difference_update(back)
        self._refresh_at = 0.0

    def _refresh(self) -> None:
        """Read the alerts that changed since the last time; the first time, all that wait."""
        changed = PriceAlert.objects.filter(namespace=self.namespace, change__gt=self._seen)
        if not self._seen:
            changed = changed.filter(state__in=[AlertState.ARMED, AlertState.RESTING])
        found = list(changed.order_by("change"))
        if not found:
            return
        known = instruments_by_id({alert.instrument_id for alert in found})
        armed = [alert for alert in found if alert.state == AlertState.ARMED]
        histories = _histories(armed, known, market_now(self.namespace))
        prices = latest_prices(known.values())
        for alert in found:
            self._take(alert, known[alert.instrument_id])
        for alert in armed:
            price = prices.get(alert.instrument_id)
            self._arm(alert, price.price if price else None, histories.get(_asked(alert)))
        self._seen = found[-1].change

    def _arm(self, alert: PriceAlert, price: Decimal | None, history: tuple[int, Candles] | None) -> None:
        """Put an alert on the board, unless candles show that it was reached while nobody looked."""
        watch = _watch_of(alert)
        at_ms = None if history is None else reached_by(history[1], history[0], watch)
        if at_ms is not None:
            # The price that reached it is gone; the newest is what its owner can act on.
            self._reached.append(Firing(alert.pk, moment(at_ms), price))
        else:
            self._changes.append(_Change(alert.pk, alert.instrument_id, watch, price, history))

    def _take(self, alert: PriceAlert, instrument: Instrument) -> None:
        """Note what an alert's state says to the worker, and take away what no longer waits."""
        self._resting.pop(alert.pk, None)
        self._returning.discard(alert.pk)
        if alert.state == AlertState.RESTING:
            assert alert.fired_at is not None
            until = alert.fired_at + timedelta(seconds=alert.cool_down_seconds)
            self._resting[alert.pk] = _Rest(alert.instrument_id, until, _way_back(alert, instrument))
        if alert.state != AlertState.ARMED:
            self._changes.append(_Change(alert.pk, alert.instrument_id, None))

    def _wake(self) -> None:
        """Arm what has rested long enough: at once, or where only a price counts when that has gone back."""
        if not self._resting:
            return
        now = market_now(self.namespace)
        ready = [alert_id for alert_id, rest in self._resting.items() if rest.until <= now]
        rearm_alerts(
            namespace=self.namespace, alert_ids=[alert_id for alert_id in ready if self._resting[alert_id].back is None]
        )
        prices = latest_prices(
            instruments_by_id({self._resting[alert_id].instrument_id for alert_id in ready}).values()
        )
        for alert_id in ready:
            rest = self._resting.pop(alert_id)
            if rest.back is not None:
                price = prices.get(rest.instrument_id)
                self._returning.add(alert_id)
                self._changes.append(
                    _Change(alert_id, rest.instrument_id, rest.back, price.price if price is not None else None)
                )


def _watch_of(alert: PriceAlert) -> Watch:
    window_ms = (alert.window_seconds or 0) * 1000
    return Watch(WatchKind(alert.kind), alert.level, window_ms, milliseconds(alert.armed_at))


def _way_back(alert: PriceAlert, instrument: Instrument) -> Watch | None:
    """Return what a price alert waits for before it is armed again: one tick on the other side."""
    if alert.window_seconds is not None:
        return None
    assert alert.fired_at is not None
    tick, since_ms = plain_tick(instrument), milliseconds(alert.fired_at)
    if alert.kind == WatchKind.ABOVE:
        return Watch(WatchKind.BELOW, alert.level - tick, since_ms=since_ms)
    return Watch(WatchKind.ABOVE, alert.level + tick, since_ms=since_ms)


_Asked = tuple[UUID, str, int | None]


def _asked(alert: PriceAlert) -> _Asked:
    return alert.instrument_id, alert.kind, alert.window_seconds


def _histories(
    alerts: Sequence[PriceAlert], known: Mapping[UUID, Instrument], now: datetime
) -> dict[_Asked, tuple[int, Candles]]:
    """Return (candle length in ms, closed candles of the last day) by what alerts ask; nothing where there are none.

    The finest candles there are, and for a volume those of its own length.
    """
    timeframes = timeframes_of_each(known.values())
    spans: dict[_Asked, Span] = {}
    for alert in alerts:
        usable = timeframes[alert.instrument_id]
        if alert.kind == WatchKind.VOLUME_SPIKE:
            own = _TIMEFRAME_OF[(alert.window_seconds or 0) * 1000]
            usable = [own] if own in usable else []
        if usable:
            spans[_asked(alert)] = Span(known[alert.instrument_id], usable[0], now - CATCH_UP, now)
    candles = candles_of_each(list(spans.values()))
    return {
        asked: (timeframe_ms(span.timeframe), found)
        for (asked, span), found in zip(spans.items(), candles, strict=True)
    }


@contextmanager
def watching_alerts(namespace: str) -> Iterator[AlertWatch]:
    """Evaluate a namespace's alerts while the block feeds its market; a thread tells of what is reached."""
    watch, stop = AlertWatch(namespace), threading.Event()
    thread = threading.Thread(target=_run, args=(watch, stop), name=f"alerts-{namespace}", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def _run(watch: AlertWatch, stop: threading.Event) -> None:
    """Work until `stop` is set, and tell of what was reached until then."""
    try:
        while not stop.wait(_POLL_SECONDS):
            if not _works(watch):
                stop.wait(REFRESH_SECONDS)
        _works(watch)
    finally:
        connections.close_all()


def _works(watch: AlertWatch) -> bool:
    try:
        watch.work()
    except Exception:
        logger.exception("The alerts of %s cannot be told now; they are tried again.", watch.namespace)
        close_old_connections()
        return False
    return True
