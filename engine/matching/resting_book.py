"""All resting orders of a paper broker, over any number of instruments: exact decimals outside, ticks and lots within."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from decimal import Decimal

from engine.matching.book import InstrumentBook
from engine.matching.resting import Grid, Refused, Resting, RestingEvent, as_it_stands, state_of, terms_of
from engine.matching.types import Depth, EventKind, Events, Reason, Terms

Told = list[RestingEvent]


class RestingBook:
    """Orders by instrument, and where each is. The package's docstring shows how it is used."""

    def __init__(self) -> None:
        self._books: dict[Hashable, InstrumentBook] = {}
        self._grids: dict[Hashable, Grid] = {}
        self._orders: dict[Hashable, Resting] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def list_instrument(self, key: Hashable, grid: Grid, last_price: Decimal | None = None) -> None:
        """Make an instrument known, with its steps. Its orders, if it has some already, stay."""
        self._grids[key] = grid
        book = self._books.setdefault(key, InstrumentBook())
        if last_price is not None:
            book.last = grid.nearest(last_price)

    def place(self, *orders: Resting, at_ms: int = 0, depth: Depth | None = None) -> Told:
        """Take in orders of one instrument that belong together, or one; where one of them makes no sense, none of them.

        What cannot be is REJECTED with a reason. Raises KeyError for an instrument that was not listed.
        """
        instrument = orders[0].instrument_key
        assert all(order.instrument_key == instrument for order in orders), "what belongs together is one instrument's"
        terms, refused = self._admitted(orders)
        if refused:
            return [_rejected(order.order_key, refused.get(order.order_key, Reason.BATCH_REFUSED)) for order in orders]
        self._orders.update((order.order_key, order) for order in orders)
        return self._tell(instrument, self._books[instrument].place(terms, at_ms=at_ms, depth=depth))

    def restore(self, order: Resting) -> None:
        """Put a stored order back as it stood; what prices have reached meanwhile wakes at the next one. Raises Refused."""
        if order.order_key in self._orders:
            raise Refused(Reason.KEY_TAKEN)
        self._books[order.instrument_key].restore(state_of(order, self._grids[order.instrument_key]))
        self._orders[order.order_key] = order

    def cancel(self, order_key: Hashable) -> Told:
        """Withdraw an order and what waits for it to fill; REJECTED NOT_OPEN where it is not open."""
        order = self._orders.get(order_key)
        if order is None:
            return [_rejected(order_key, Reason.NOT_OPEN)]
        return self._tell(order.instrument_key, self._books[order.instrument_key].cancel(order_key))

    def amend(
        self,
        order_key: Hashable,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> Told:
        """Change an open order; None keeps. UPDATED (and what follows at once), or REJECTED with a reason and nothing changed."""
        if (order := self._orders.get(order_key)) is None:
            return [_rejected(order_key, Reason.NOT_OPEN)]
        wished = replace(
            order,
            quantity=order.quantity if quantity is None else quantity,
            limit_price=order.limit_price if limit_price is None else limit_price,
            trigger_price=order.trigger_price if trigger_price is None else trigger_price,
        )
        try:
            terms = terms_of(wished, self._grids[order.instrument_key])
        except Refused as refusal:
            return [_rejected(order_key, refusal.reason)]
        events = self._books[order.instrument_key].amend(
            order_key,
            lots=None if quantity is None else terms.lots,
            limit=None if limit_price is None else terms.limit,
            trigger=None if trigger_price is None else terms.trigger,
        )
        if events[0].kind is EventKind.UPDATED:
            self._orders[order_key] = wished
        return self._tell(order.instrument_key, events)

    def on_price(
        self, instrument_key: Hashable, price: Decimal, *, is_jump: bool = True, depth: Depth | None = None
    ) -> Told:
        """Take in an instrument's price and return what it did. A tick of a live market jumps; a replayed candle's high,
        low and close do not (`is_jump=False`), so that a stop fills at its trigger there. Unknown instruments are passed over.
        """
        book = self._books.get(instrument_key)
        if book is None:
            return []
        events = book.move(self._grids[instrument_key].nearest(price), is_jump=is_jump, depth=depth)
        return self._tell(instrument_key, events) if events else []

    def concerns(self, instrument_key: Hashable, price: Decimal) -> bool:
        """Say whether a price would do anything: reach an order, or lead a trailing stop."""
        book = self._books.get(instrument_key)
        return book is not None and book.concerns(self._grids[instrument_key].nearest(price))

    def reach(self, instrument_key: Hashable, price: Decimal) -> list[Resting]:
        """Take in a live market's price, and take out and return, as they stood, the orders that it reaches.

        For somebody whose orders are rows: what becomes of each is decided there (single.py: meet), and it comes back as
        its row says. Unknown instruments are passed over.
        """
        if (book := self._books.get(instrument_key)) is None:
            return []
        grid = self._grids[instrument_key]
        return [
            as_it_stands(self._orders.pop(state.terms.key), state, grid) for state in book.reach(grid.nearest(price))
        ]

    def best_prices(self, instrument_key: Hashable) -> dict[Hashable, Decimal]:
        """Return the best prices that an instrument's trailing stops follow, by order. Looks at each of them."""
        if (book := self._books.get(instrument_key)) is None:
            return {}
        grid = self._grids[instrument_key]
        return {key: grid.price(best) for key, best in book.bests().items()}

    def open_orders(self, instrument_key: Hashable) -> list[Hashable]:
        """Return the orders of an instrument that are open, the oldest first."""
        book = self._books.get(instrument_key)
        return [] if book is None else list(book)

    def expire(self, at_ms: int) -> Told:
        """End all orders whose time has come (ms since 1970 UTC)."""
        return [told for key, book in self._books.items() for told in self._tell(key, book.expire(at_ms))]

    def set_position(self, instrument_key: Hashable, account_key: Hashable, quantity: Decimal) -> None:
        """Say what an account holds (signed), for reduce-only; fills of this book are counted by themselves."""
        lots = self._grids[instrument_key].whole_lots(quantity)
        self._books[instrument_key].positions[account_key] = lots

    def position(self, instrument_key: Hashable, account_key: Hashable) -> Decimal:
        """Return what an account holds as far as this book knows."""
        return self._grids[instrument_key].quantity(self._books[instrument_key].positions.get(account_key, 0))

    def standing(self, order_key: Hashable) -> Resting | None:
        """Return an open order as it stands, fit to be stored and to be restored; None for one that is not open.

        Its `trigger_price` is the one that it was given; a trailing stop's follows from `best_price`.
        """
        order = self._orders.get(order_key)
        state = None if order is None else self._books[order.instrument_key].state(order_key)
        if order is None or state is None:
            return None
        return as_it_stands(order, state, self._grids[order.instrument_key])

    def trigger_price(self, order_key: Hashable) -> Decimal | None:
        """Return the price at which an order triggers now; None for one that has none, or is not open."""
        order = self._orders.get(order_key)
        state = None if order is None else self._books[order.instrument_key].state(order_key)
        if order is None or state is None or state.trigger is None:
            return None
        return self._grids[order.instrument_key].price(state.trigger)

    def _admitted(self, orders: Sequence[Resting]) -> tuple[list[Terms], dict[Hashable, Reason]]:
        terms: list[Terms] = []
        refused: dict[Hashable, Reason] = {}
        for order in orders:
            if order.order_key in self._orders or any(order.order_key == one.key for one in terms):
                refused[order.order_key] = Reason.KEY_TAKEN
                continue
            try:
                terms.append(terms_of(order, self._grids[order.instrument_key]))
            except Refused as refusal:
                refused[order.order_key] = refusal.reason
        return terms, refused

    def _tell(self, instrument_key: Hashable, events: Events) -> Told:
        """Return events in decimals, and forget the orders that have ended with them."""
        grid, book = self._grids[instrument_key], self._books[instrument_key]
        for event in events:
            if event.key not in book:
                self._orders.pop(event.key, None)
        return [grid.event(event) for event in events]


def _rejected(key: Hashable, reason: Reason) -> RestingEvent:
    return RestingEvent(key, EventKind.REJECTED, reason=reason)
