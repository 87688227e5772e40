"""The book of one instrument: its doors are to place, amend, cancel and expire orders, and to move the market.

The market is a row of prices, all in ticks. A move either jumps (a gap, a tick of a live market) or passes every price on
its way (from a candle's open to its high). Orders are met in the order of the path, at one price the oldest first; each
against the whole market, as if it were alone in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import heappop

from engine.matching.open_orders import OpenOrders
from engine.matching.rules import (
    crosses,
    is_limit,
    is_met,
    limit_of,
    trigger_of,
)
from engine.matching.types import (
    TRIGGERED_KINDS,
    Depth,
    Event,
    EventKind,
    Events,
    Kind,
    OrderState,
    Reason,
    Status,
    Step,
    Terms,
)


class InstrumentBook(OpenOrders):
    """Open orders of one instrument, the last price, and positions in lots by account (for reduce-only)."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._orders

    def __iter__(self) -> Iterator[Hashable]:
        return iter(list(self._orders))

    def place(
        self, orders: Sequence[Terms], *, at_ms: int = 0, depth: Depth | None = None, within: Step | None = None
    ) -> Events:
        """Take in orders that belong together (a bracket, an OCO) or a single one, in the order given, at the last price.

        `within`: they answer something that happened within a move, at its `origin`, and meet the rest of it.
        """
        events: Events = []
        parents = {terms.key for terms in orders}
        arriving: list[Hashable] = []
        for terms in orders:
            if reason := self._misplaced(terms, at_ms, parents):
                events.append(Event(terms.key, EventKind.REJECTED, reason=reason))
                continue
            if self._register(terms).status is Status.OPEN:
                arriving.append(terms.key)
        step = within or self._standing(depth)
        # Another leg that filled at once may have ended one before it arrives.
        waiting = [key for key in arriving if key in self._orders and self._arrive(self._orders[key], step, events)]
        if within is not None:
            self._go_on(waiting, within, events)
        for terms in orders:
            if terms.key in self._orders and terms.parent is not None and terms.parent not in self._orders:
                self._leave_childless(terms.key, events)
        return events

    def restore(self, state: OrderState) -> None:
        """Put an order back as it stood (after a restart), the oldest first: nothing is judged; what a price has reached
        wakes at the next one.
        """
        terms = state.terms
        self._register(terms, state)
        if state.status is Status.OPEN:
            self._waiting.arm(self._orders[terms.key])

    def cancel(self, key: Hashable, reason: Reason | None = None) -> Events:
        """Withdraw an order. Only this one: an OCO's other leg goes on protecting. Raises KeyError for one that is not open."""
        events: Events = []
        self._end(self._orders[key], Status.CANCELED, reason, events)
        return events

    def amend(
        self, key: Hashable, *, lots: int | None = None, limit: int | None = None, trigger: int | None = None
    ) -> Events:
        """Change an open order; None keeps. It goes to the end of its queue, unless it only gets smaller.

        Refused (REJECTED, nothing changed) where it could not be placed so. Raises KeyError for one that is not open.
        """
        if (state := self.state(key)) is None:
            raise KeyError(key)
        terms = replace(
            state.terms,
            lots=state.terms.lots if lots is None else lots,
            limit=state.terms.limit if limit is None else limit,
            trigger=state.terms.trigger if trigger is None else trigger,
        )
        if reason := self._refused_change(state, terms):
            return [Event(key, EventKind.REJECTED, reason=reason)]
        changed = replace(state, terms=terms, left=state.left + terms.lots - state.terms.lots)
        if state.status is Status.WAITING:
            self._orders[key] = replace(state, terms=terms, trigger=terms.trigger)
            return [Event(key, EventKind.UPDATED)]
        if limit is None and trigger is None and terms.lots <= state.terms.lots:
            self._orders[key] = changed
            return [Event(key, EventKind.UPDATED)]
        return self._replaced(changed)

    def expire(self, at_ms: int) -> Events:
        """End what was to wait no longer than until `at_ms` (ms since 1970 UTC), that moment included."""
        events: Events = []
        while self._expiries and self._expiries[0][0] <= at_ms:
            _, _, key = heappop(self._expiries)
            state = self._orders.get(key)
            if state is not None and state.terms.expires_at_ms is not None and state.terms.expires_at_ms <= at_ms:
                self._end(state, Status.EXPIRED, None, events)
        return events

    def move(self, price: int, *, is_jump: bool = True, depth: Depth | None = None) -> Events:
        """Move the market to a price and return what that did. Trailing stops follow silently; triggers() tells where they are."""
        if self._waiting.passes(price):
            self.last = price
            return []
        origin = price if self.last is None else self.last
        step = Step(price, origin, is_jump or self.last is None, depth)
        self.last = price
        events: Events = []
        for key in self._woken(step):
            self._wake(key, step, events)
        self._waiting.follow(price)
        return events

    def concerns(self, price: int) -> bool:
        """Say whether a price would do anything: reach an order, or lead a trailing stop."""
        return not self._waiting.passes(price)

    def reach(self, price: int) -> list[OrderState]:
        """Move the market by a jump, and take out and return, as they stood, the orders that it reaches.

        For somebody who decides elsewhere what becomes of them (single.py). Trailing stops begin and follow here.
        """
        if self._waiting.passes(price):
            self.last = price
            return []
        step = Step(price, price if self.last is None else self.last)
        self.last = price
        reached: list[OrderState] = []
        for key in self._woken(step):
            state = self._orders[key]
            if state.terms.kind is Kind.TRAILING_STOP and state.best is None:
                self._trail(state, price, [])
            else:
                reached.append(state)
                self._forget(state, [])
        self._waiting.follow(price)
        return reached

    def bests(self) -> dict[Hashable, int]:
        """Return the best prices that all stops follow which trail. Looks at each of them."""
        return self._waiting.bests()

    def triggers(self) -> dict[Hashable, int]:
        """Return the present triggers of all stops that trail. Looks at each of them."""
        return self._waiting.triggers()

    # What is placed

    def _standing(self, depth: Depth | None) -> Step | None:
        return None if self.last is None else Step(self.last, self.last, True, depth)

    def _misplaced(self, terms: Terms, at_ms: int, batch: Iterable[Hashable]) -> Reason | None:
        """Say why an order cannot be taken in, whatever the market is."""
        if terms.key in self._orders:
            return Reason.KEY_TAKEN
        if terms.expires_at_ms is not None and terms.expires_at_ms <= at_ms:
            return Reason.EXPIRY_PASSED
        if terms.parent is not None and terms.parent not in self._orders and terms.parent not in batch:
            return Reason.PARENT_UNKNOWN
        legs = [self._orders[key] for key in self._groups.get(terms.group, ())]
        if any(leg.terms.lots != terms.lots or leg.terms.parent != terms.parent or leg.filled for leg in legs):
            return Reason.GROUP_DIFFERS
        return None

    # What is changed

    def _refused_change(self, state: OrderState, terms: Terms) -> Reason | None:
        if terms.lots <= state.filled:
            return Reason.QUANTITY_FILLED_ALREADY
        if len(self._groups.get(terms.group, ())) > 1 and terms.lots != state.terms.lots:
            return Reason.GROUP_DIFFERS
        if self.last is None or state.status is Status.WAITING:
            return None
        if not state.is_triggered and terms.kind in TRIGGERED_KINDS and is_met(terms, trigger_of(terms), self.last):
            return Reason.TRIGGER_IN_MARKET
        would_take = is_limit(state) and crosses(terms.sign, limit_of(terms), self.last)
        return Reason.POST_ONLY_WOULD_TAKE if terms.is_post_only and would_take else None

    def _replaced(self, state: OrderState) -> Events:
        """Put a changed order at the end of its queue; one that is within the market now fills as a taker."""
        key = state.terms.key
        self._waiting.disarm(key)
        self._places += 1
        trigger = state.trigger if state.terms.kind is Kind.TRAILING_STOP else state.terms.trigger
        state = self._orders[key] = replace(state, trigger=trigger, place=self._places)
        events = [Event(key, EventKind.UPDATED)]
        step = self._standing(None)
        if step is None or not is_limit(state):
            self._waiting.arm(state)
        else:
            self._meet(state, step.price, step, events)
        return events
