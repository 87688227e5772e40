"""The resting orders of one namespace in memory, led by the matching kernel and kept current by the rows' change numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import CharField, PositiveBigIntegerField, QuerySet

from common.clock import market_now
from common.db import Slot
from common.prepared import Prepared
from engine.matching import resting_book as kernel
from engine.matching.resting import Resting
from engine.matching.types import Kind
from trading.models import ON_BOOK, Order
from trading.rules import GRID, resting_of
from trading.services.resting import Crossing

_COLUMNS = (
    "instrument_id",
    "side",
    "kind",
    "quantity",
    "filled_quantity",
    "market_price",
    "limit_price",
    "trigger_price",
    "trail_amount",
    "trail_bps",
    "activation_price",
    "peak_price",
    "triggered_at",
    "time_in_force",
    "post_only",
    "state",
    "change",
    "rests_since",
    "arrives_at",
    "is_at_venue",
)


def _changed() -> QuerySet[Order]:
    changed = Order.objects.filter(
        portfolio__namespace=Slot("namespace", CharField()), change__gt=Slot("seen", PositiveBigIntegerField())
    )
    return changed.order_by("change").only(*_COLUMNS)


_CHANGED, _RESTING = Prepared(_changed), Prepared(lambda: _changed().filter(ON_BOOK))


@dataclass(slots=True)
class _Row:
    """What the book keeps of an order beside the kernel: where it waits, and how its row stood."""

    instrument_id: UUID
    change: int
    since: datetime
    # A trailing stop's, as the row has it.
    peak_price: Decimal | None


class RestingBook:
    """Says what prices reach; what becomes of it is the services' to decide, so that a tick costs no query."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all that rests."""
        self._book = kernel.RestingBook()
        self._rows: dict[UUID, _Row] = {}
        # Per instrument: since when its youngest order rests. What is older than that was before somebody.
        self._youngest: dict[UUID, datetime] = {}
        # Instruments with trailing stops, and which of those have heard a price since their peaks were written down.
        self._trailing: defaultdict[UUID, set[UUID]] = defaultdict(set)
        self._heard: set[UUID] = set()
        # Orders on their way, by instrument: when they arrive, and their change numbers.
        self._arriving: defaultdict[UUID, dict[UUID, tuple[datetime, int]]] = defaultdict(dict)
        self._seen = 0

    def __len__(self) -> int:
        return len(self._rows) + sum(map(len, self._arriving.values()))

    def refresh(self) -> None:
        """Read the orders that changed since the last time; the first time, all that rest."""
        changed = _CHANGED if self._seen else _RESTING
        for order in changed.found(namespace=self.namespace, seen=self._seen):
            self.put(order)
            assert order.change is not None, "the query asks for it"
            self._seen = order.change

    def put(self, order: Order) -> None:
        """Let an order wait as its row says, in place of how it waited before; one that rests no more is forgotten."""
        known, instrument_id = self._forget(order.pk), order.instrument_id
        self._arriving[instrument_id].pop(order.pk, None)
        if not order.rests_on_book:
            return
        assert order.change is not None and order.rests_since is not None, "what rests has both"
        if order.arrives_at is not None:
            self._arriving[instrument_id][order.pk] = order.arrives_at, order.change
            return
        self._book.list_instrument(instrument_id, GRID)
        resting = resting_of(order)
        if resting.kind is Kind.TRAILING_STOP:
            self._trailing[instrument_id].add(order.pk)
            # The row may not know yet how far the price has led it.
            self._heard.add(instrument_id)
            resting = replace(resting, best_price=known or resting.best_price)
        self._book.restore(resting)
        self._rows[order.pk] = _Row(instrument_id, order.change, order.rests_since, order.peak_price)
        self._youngest[instrument_id] = max(order.rests_since, self._youngest.get(instrument_id, order.rests_since))

    def watched(self) -> list[UUID]:
        """Return the instruments in which something rests or arrives."""
        resting = [instrument_id for instrument_id in self._youngest if self._book.open_orders(instrument_id)]
        return resting + [instrument_id for instrument_id, arriving in self._arriving.items() if arriving]

    def would_move(self, prices: Mapping[UUID, Decimal], at: datetime | None = None) -> bool:
        """Say whether these prices (made at `at`; None: now) do anything to what rests or arrives, or lead a trailing stop."""
        return any(
            self._book.concerns(instrument_id, price) or self._arrived(instrument_id, at)
            for instrument_id, price in prices.items()
        )

    def cross(self, prices: Mapping[UUID, Decimal], at: datetime | None = None) -> list[Crossing]:
        """Return what these prices (made at `at`; None: they stand now) reach, and take those orders off the book.

        They come back as their rows say, once what was done to them has changed those.
        """
        crossings: list[Crossing] = []
        for instrument_id, price in prices.items():
            if self._book.concerns(instrument_id, price):
                crossings += self._crossed(instrument_id, price, at)
        return crossings

    def arrivals(self, prices: Mapping[UUID, Decimal], at: datetime | None = None) -> list[Crossing]:
        """Return which orders arrive at these prices (made at `at`; None: now): the first since they were due. Each once."""
        crossings: list[Crossing] = []
        for instrument_id, price in prices.items():
            for order_id in self._arrived(instrument_id, at):
                _, change = self._arriving[instrument_id].pop(order_id)
                crossings.append(Crossing(order_id, change, price))
        return crossings

    def take_peaks(self) -> dict[UUID, Decimal]:
        """Return the best prices of trailing stops that their rows do not know yet, which know them from here on."""
        peaks: dict[UUID, Decimal] = {}
        for instrument_id in self._heard:
            for order_id, best in self._book.best_prices(instrument_id).items():
                assert isinstance(order_id, UUID), "orders are known by their ids"
                row = self._rows[order_id]
                if best != row.peak_price:
                    peaks[order_id] = row.peak_price = best
        self._heard.clear()
        return peaks

    def _arrived(self, instrument_id: UUID, at: datetime | None) -> list[UUID]:
        arriving = self._arriving.get(instrument_id)
        if not arriving:
            return []
        moment = at or market_now(self.namespace)
        return [order_id for order_id, (due, _) in arriving.items() if due <= moment]

    def _crossed(self, instrument_id: UUID, price: Decimal, at: datetime | None) -> Iterator[Crossing]:
        younger = self._take_younger(instrument_id, at)
        for one in self._book.reach(instrument_id, price):
            assert isinstance(one.order_key, UUID), "orders are known by their ids"
            self._trailing[instrument_id].discard(one.order_key)
            yield Crossing(one.order_key, self._rows[one.order_key].change, price, one.best_price)
        for one in younger:
            self._book.restore(one)
        if self._trailing[instrument_id]:
            self._heard.add(instrument_id)

    def _take_younger(self, instrument_id: UUID, at: datetime | None) -> list[Resting]:
        """Take aside the orders that a price was made before: its message was long on its way."""
        if at is None or at >= self._youngest[instrument_id]:
            return []
        younger = []
        for key in self._book.open_orders(instrument_id):
            assert isinstance(key, UUID), "orders are known by their ids"
            if at < self._rows[key].since and (one := self._book.standing(key)) is not None:
                self._book.cancel(key)
                younger.append(one)
        return younger

    def _forget(self, order_id: UUID) -> Decimal | None:
        """Forget an order, and return the best price that it has followed."""
        if (row := self._rows.pop(order_id, None)) is None:
            return None
        self._trailing[row.instrument_id].discard(order_id)
        standing = self._book.standing(order_id)
        self._book.cancel(order_id)
        return None if standing is None else standing.best_price
