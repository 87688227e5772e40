"""Journey D: what watches prices for what waits. Armed triggers are held in memory; a tick costs no query."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import close_old_connections

from common import clock
from common.bus import bus
from common.clock import market_now
from common.lease import Lease, lease
from engine.price_ladder import PriceLadder
from markets.feed import ticks_channel
from markets.prices import board_name, parse_price
from trading.models import Trigger, TriggerState
from trading.services.sweeping import run_due
from trading.services.triggers import channel, fire

logger = logging.getLogger(__name__)
LEASE_SECONDS = 10.0
# Hints about new triggers, and ticks, may be lost: the rows and the board are asked this often anyway.
REFRESH_SECONDS = 1.0
# How often work that waits for market time (fills that are batched before they are copied) is looked for.
DUE_SECONDS = 0.25


class TriggerEngine:
    """The armed triggers of one namespace, kept current by their change numbers."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all that is armed."""
        self._ladders: defaultdict[UUID, PriceLadder[UUID]] = defaultdict(PriceLadder)
        self._armed: dict[UUID, tuple[Decimal, datetime]] = {}
        # Crossed, and not fired because something broke: what the price does now no longer matters to them.
        self._overdue: set[UUID] = set()
        self._seen = 0

    def refresh(self) -> None:
        """Read the triggers that changed since the last time; the first time, all that are armed."""
        changed = Trigger.objects.filter(namespace=self.namespace, change__gt=self._seen)
        if not self._seen:
            changed = changed.filter(state=TriggerState.ARMED)
        for pk, instrument_id, price, state, change, armed_at in changed.order_by("change").values_list(
            "pk", "instrument_id", "price", "state", "change", "armed_at"
        ):
            if state == TriggerState.ARMED:
                self._armed[pk] = price, armed_at
                self._ladders[instrument_id].arm(pk, price, below=True)
            else:
                self._armed.pop(pk, None)
                self._overdue.discard(pk)
                self._ladders[instrument_id].disarm(pk)
            self._seen = change

    def look(self) -> None:
        """Read what changed, and meet the newest prices with it: a stop armed beyond the market waits for no tick."""
        self.refresh()
        watched = [str(instrument_id) for instrument_id, ladder in self._ladders.items() if len(ladder)]
        cells = bus().board_get(board_name(self.namespace), watched)
        crossed = self._cross({UUID(key): parse_price(cell).price for key, cell in cells.items()}, None)
        self._fire([*self._overdue, *crossed])

    def on_prices(self, prices: Mapping[UUID, Decimal], at: datetime | None = None) -> int:
        """Fire what these prices (made at `at`; default: now) cross, and return how many fired.

        Firing is a conditional UPDATE: a second engine fires nothing twice. One that fails keeps none of the others from
        firing; it is tried again at the next look, and raised here in a group.
        """
        return self._fire(self._cross(prices, at))

    def would_fire(self, prices: Mapping[UUID, Decimal]) -> bool:
        """Say whether these prices cross anything armed."""
        return any(
            ladder.reaches(price)
            for instrument_id, price in prices.items()
            if (ladder := self._ladders.get(instrument_id)) is not None
        )

    def _cross(self, prices: Mapping[UUID, Decimal], at: datetime | None) -> list[UUID]:
        crossed: list[UUID] = []
        for instrument_id, price in prices.items():
            if instrument_id not in self._ladders:
                continue
            ladder = self._ladders[instrument_id]
            for trigger_id in ladder.cross(price):
                stop, armed_at = self._armed[trigger_id]
                if at is not None and at < armed_at:
                    # The message was long on its way: that price was before the position.
                    ladder.arm(trigger_id, stop, below=True)
                else:
                    crossed.append(trigger_id)
        return crossed

    def _fire(self, trigger_ids: Iterable[UUID]) -> int:
        fired, failures = 0, []
        for trigger_id in trigger_ids:
            try:
                fired += fire(trigger_id=trigger_id) is not None
                self._overdue.discard(trigger_id)
            except Exception as failure:
                self._overdue.add(trigger_id)
                failures.append(failure)
        if failures:
            raise ExceptionGroup("Some triggers could not fire; they are tried again.", failures)
        return fired


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
