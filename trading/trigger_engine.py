"""Journey D: what watches prices for what waits. Armed triggers, resting orders and plans are held in memory; a tick costs no query."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import close_old_connections
from django.db.models import CharField, PositiveBigIntegerField, QuerySet

from common import clock
from common.bus import bus
from common.clock import market_now
from common.db import Slot
from common.lease import Lease, lease
from common.prepared import Prepared
from engine.price_ladder import PriceLadder
from markets.feed import ticks_channel
from markets.prices import board_name, parse_price
from trading.liquidation_ladder import LiquidationLadder
from trading.models import Side, Trigger, TriggerState
from trading.plans.book import PlanBook
from trading.resting_book import RestingBook
from trading.risk.ladder import RiskLadder
from trading.services.resting import Crossing, keep_peaks, meet_prices
from trading.services.sweeping import run_due
from trading.services.triggers import channel, fire

logger = logging.getLogger(__name__)
LEASE_SECONDS = 10.0
# Hints about new triggers, and ticks, may be lost: the rows and the board are asked this often anyway.
REFRESH_SECONDS = 1.0
# How often work that waits for market time (fills that are batched before they are copied) is looked for.
DUE_SECONDS = 0.25


def _changed() -> QuerySet[Trigger, Any]:
    changed = Trigger.objects.filter(
        namespace=Slot("namespace", CharField()), change__gt=Slot("seen", PositiveBigIntegerField())
    )
    return changed.order_by("change").values_list(
        "pk", "instrument_id", "price", "state", "change", "armed_at", "entry__side"
    )


_CHANGED, _ARMED = Prepared(_changed), Prepared(lambda: _changed().filter(state=TriggerState.ARMED))


class TriggerEngine:
    """The armed triggers, resting orders and plans of one namespace, kept current by their change numbers."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.resting = RestingBook(namespace)
        self.plans = PlanBook(namespace)
        self.liquidations = LiquidationLadder(namespace)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all that is armed."""
        self._ladders: defaultdict[UUID, PriceLadder[UUID]] = defaultdict(PriceLadder)
        # Price, since when, and whether it fires at or below that price (a long's) or at or above it (a short's).
        self._armed: dict[UUID, tuple[Decimal, datetime, bool]] = {}
        # Crossed, and not fired because something broke: what the price does now no longer matters to them.
        self._overdue: set[UUID] = set()
        # Crossings of resting orders, likewise, by order.
        self._unmet: dict[UUID, Crossing] = {}
        self._seen = 0
        self._risk = RiskLadder(self.namespace)
        self.resting.reset()
        self.plans.reset()
        self.liquidations.reset()

    def refresh(self) -> None:
        """Read what changed since the last time; the first time, all that is armed, rests or goes on."""
        self.resting.refresh()
        self.plans.refresh()
        self.liquidations.refresh()
        changed = _CHANGED if self._seen else _ARMED
        for pk, instrument_id, price, state, change, armed_at, side in changed.rows(
            namespace=self.namespace, seen=self._seen
        ):
            if state == TriggerState.ARMED:
                self._armed[pk] = price, armed_at, side == Side.BUY
                self._ladders[instrument_id].arm(pk, price, below=side == Side.BUY)
            else:
                self._armed.pop(pk, None)
                self._overdue.discard(pk)
                self._ladders[instrument_id].disarm(pk)
            self._seen = change

    def look(self) -> None:
        """Read what changed, and meet the newest prices with it: a stop armed beyond the market waits for no tick."""
        self.refresh()
        self._risk.refresh()
        armed = {instrument_id for instrument_id, ladder in self._ladders.items() if len(ladder)}
        watched = map(str, sorted(armed.union(self.resting.watched(), self.liquidations.watched())))
        cells = bus().board_get(board_name(self.namespace), watched)
        told = {UUID(key): parse_price(cell) for key, cell in cells.items()}
        prices = {instrument_id: one.price for instrument_id, one in told.items()}
        crossings = self.resting.cross(prices)
        for instrument_id, one in told.items():
            crossings += self.resting.arrivals({instrument_id: one.price}, one.at)
        self.liquidations.cross(prices)
        self._act([*self._overdue, *self._cross(prices, None)], crossings, None, None)
        if peaks := self.resting.take_peaks():
            keep_peaks(peaks)

    def on_prices(self, prices: Mapping[UUID, Decimal], at: datetime | None = None) -> int:
        """Do what these prices (made at `at`; default: now) cause, and return to how many triggers, orders and plans.

        Firing is a conditional UPDATE, filling asks whether the order still rests, a step whether the plan has moved: a second
        engine does nothing twice. One that fails keeps none of the others from their turn; it is tried again at the next
        look, and raised here in a group.
        """
        try:
            crossings = self.resting.cross(prices, at) + self.resting.arrivals(prices, at)
            self.liquidations.cross(prices)
            return self._act(self._cross(prices, at), crossings, at, prices)
        finally:
            self._risk.meet(prices)

    def would_fire(self, prices: Mapping[UUID, Decimal], at: datetime) -> bool:
        """Say whether these prices, made at `at`, cross anything, an order arrives at them, or a plan is due by then."""
        return (
            self.plans.would_step(at)
            or self.resting.would_move(prices, at)
            or self.liquidations.reaches(prices)
            or any(
                ladder.reaches(price)
                for instrument_id, price in prices.items()
                if (ladder := self._ladders.get(instrument_id)) is not None
            )
        )

    def _cross(self, prices: Mapping[UUID, Decimal], at: datetime | None) -> list[UUID]:
        crossed: list[UUID] = []
        for instrument_id, price in prices.items():
            if instrument_id not in self._ladders:
                continue
            ladder = self._ladders[instrument_id]
            for trigger_id in ladder.cross(price):
                stop, armed_at, below = self._armed[trigger_id]
                if at is not None and at < armed_at:
                    # The message was long on its way: that price was before the position.
                    ladder.arm(trigger_id, stop, below=below)
                else:
                    crossed.append(trigger_id)
        return crossed

    def _act(
        self,
        trigger_ids: Iterable[UUID],
        crossings: Sequence[Crossing],
        at: datetime | None,
        instruments: Collection[UUID] | None,
    ) -> int:
        """Fire triggers, meet crossings and step plans that are due; what was crossed before and not met comes first."""
        failures: list[Exception] = []
        done = 0
        for trigger_id in trigger_ids:
            try:
                done += fire(trigger_id=trigger_id) is not None
                self._overdue.discard(trigger_id)
            except Exception as failure:
                self._overdue.add(trigger_id)
                failures.append(failure)
        # After stops, which their owners set to come first, and before what opens anew.
        done += self.liquidations.act(failures)
        self._unmet |= {one.order_id: one for one in crossings}
        if self._unmet:
            done += self._meet(list(self._unmet.values()), failures)
        if len(self.plans):
            done += self.plans.step(at or market_now(self.namespace), failures, instruments)
        if failures:
            raise ExceptionGroup("Not everything could be done; it is tried again.", failures)
        return done

    def _meet(self, crossings: Sequence[Crossing], failures: list[Exception]) -> int:
        """Meet crossings together where that goes, else each for itself: one that cannot be met holds up nobody else."""
        try:
            done = meet_prices(crossings)
        except Exception as failure:
            if len(crossings) == 1:
                failures.append(failure)
                return 0
            return sum(self._meet([one], failures) for one in crossings)
        for one in crossings:
            self._unmet.pop(one.order_id, None)
        return done


def run_engine(namespace: str, stop: threading.Event) -> None:
    """Watch a namespace until `stop` is set. One engine per namespace is active, by lease; the others stand by.

    Whatever breaks (the database, the bus), the engine goes on where it stood as soon as it can.
    """
    held = lease(f"engine:{namespace}", LEASE_SECONDS)
    engine = TriggerEngine(namespace)
    try:
        while not stop.is_set():
            try:
                if held.hold():
                    _watch(engine, held, stop)
                else:
                    engine.reset()
            except Exception:
                logger.exception("The engine of %s lost its bus; it tries again.", namespace)
            stop.wait(REFRESH_SECONDS)
    finally:
        with contextlib.suppress(Exception):
            held.release()
        close_old_connections()


def _watch(engine: TriggerEngine, held: Lease, stop: threading.Event) -> None:
    """Be the active engine until the lease is lost or `stop` is set.

    The subscription begins here: what was said while this engine stood by must fire nothing.
    """
    with bus().listen(ticks_channel(engine.namespace), channel(engine.namespace)) as subscription:
        next_look = next_due = 0.0
        while not stop.is_set():
            if clock.monotonic() >= next_due:
                next_due = clock.monotonic() + DUE_SECONDS
                _run_due(engine.namespace)
            if clock.monotonic() >= next_look:
                if not held.hold():
                    return
                next_look = clock.monotonic() + REFRESH_SECONDS
                _handle(engine, channel(engine.namespace), None)
            if (received := subscription.get(0.25)) is not None:
                _handle(engine, *received)


def _run_due(namespace: str) -> None:
    try:
        run_due(namespace=namespace, until=market_now(namespace))
    except Exception:
        logger.exception("The delayed work of %s could not be started; it is tried again.", namespace)
        close_old_connections()


def _handle(engine: TriggerEngine, source: str, message: object) -> None:
    try:
        if source == ticks_channel(engine.namespace) and isinstance(message, dict):
            prices = {UUID(key): Decimal(price) for key, price in message["prices"].items()}
            engine.on_prices(prices, datetime.fromisoformat(message["at"]))
        else:
            engine.look()
    except Exception:
        # Nothing is lost: what crossed is overdue, and what changed has a number that was not seen yet.
        logger.exception("The engine of %s could not act; it tries again.", engine.namespace)
        close_old_connections()
