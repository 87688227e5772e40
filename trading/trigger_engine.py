"""Journey D: what watches prices for what waits. Armed triggers are held in memory; a tick costs no query."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.db import DatabaseError, close_old_connections

from common import clock
from common.bus import bus
from common.lease import lease
from engine.price_ladder import PriceLadder
from markets.feed import ticks_channel
from trading.models import Trigger, TriggerState
from trading.services.triggers import channel, fire

logger = logging.getLogger(__name__)
LEASE_SECONDS = 10.0
# Hints about new triggers may be lost: the rows are asked this often anyway.
REFRESH_SECONDS = 1.0


class TriggerEngine:
    """The armed triggers of one namespace, kept current by their change numbers."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all that is armed."""
        self._ladders: defaultdict[UUID, PriceLadder[UUID]] = defaultdict(PriceLadder)
        self._seen = 0

    def refresh(self) -> None:
        """Read the triggers that changed since the last time; the first time, all that are armed."""
        changed = Trigger.objects.filter(namespace=self.namespace, change__gt=self._seen)
        if not self._seen:
            changed = changed.filter(state=TriggerState.ARMED)
        for pk, instrument_id, price, state, change in changed.order_by("change").values_list(
            "pk", "instrument_id", "price", "state", "change"
        ):
            if state == TriggerState.ARMED:
                self._ladders[instrument_id].arm(pk, price, below=True)
            else:
                self._ladders[instrument_id].disarm(pk)
            self._seen = change

    def on_prices(self, prices: Mapping[UUID, Decimal]) -> int:
        """Fire what these prices cross; return how many fired. Firing is a conditional UPDATE: a second engine fires nothing twice."""
        crossed = [
            trigger_id
            for instrument_id, price in prices.items()
            if instrument_id in self._ladders
            for trigger_id in self._ladders[instrument_id].cross(price)
        ]
        return sum(fire(trigger_id=trigger_id) is not None for trigger_id in crossed)


def run_engine(namespace: str, stop: threading.Event) -> None:
    """Watch a namespace until `stop` is set. One engine per namespace is active, by lease; the others stand by."""
    held = lease(f"engine:{namespace}", LEASE_SECONDS)
    engine = TriggerEngine(namespace)
    try:
        with bus().listen(ticks_channel(namespace), channel(namespace)) as subscription:
            next_refresh = 0.0
            while not stop.is_set():
                received = subscription.get(0.25)
                if clock.monotonic() >= next_refresh:
                    if not held.hold():
                        engine.reset()
                        stop.wait(REFRESH_SECONDS)
                        continue
                    next_refresh = clock.monotonic() + REFRESH_SECONDS
                    received = received or (channel(namespace), None)
                if received is not None:
                    _handle(engine, *received)
    finally:
        held.release()
        close_old_connections()


def _handle(engine: TriggerEngine, source: str, message: object) -> None:
    try:
        if source == ticks_channel(engine.namespace) and isinstance(message, dict):
            engine.on_prices({UUID(key): Decimal(price) for key, price in message["prices"].items()})
        else:
            engine.refresh()
    except DatabaseError:
        # What was crossed and not fired is still armed in its row: read it all again.
        logger.exception("The engine of %s lost the database; it reads its triggers again.", engine.namespace)
        engine.reset()
        close_old_connections()
