"""Open orders meet the market: what each does when it arrives, wakes or fills, and what that does to its group and children."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from heapq import heappush

from engine.matching.rules import (
    closable,
    crosses,
    ended,
    filled,
    is_limit,
    is_met,
    limit_of,
    made,
    maker_price,
    market_price,
    rests,
    taken,
    trailing_trigger,
    trigger_of,
    triggered,
)
from engine.matching.types import (
    LIMIT_KINDS,
    TRIGGERED_KINDS,
    Event,
    EventKind,
    Events,
    Kind,
    Liquidity,
    OrderState,
    Reason,
    Status,
    Step,
    Terms,
)
from engine.matching.waiting import Waiting, reached, waits_for


class OpenOrders:
    """The orders of one instrument that may still fill, where they wait, and the positions in lots by account."""

    __slots__ = ("_children", "_expiries", "_groups", "_orders", "_places", "_waiting", "last", "positions")

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.positions: dict[Hashable, int] = {}
        self._orders: dict[Hashable, OrderState] = {}
        self._children: dict[Hashable, list[Hashable]] = {}
        self._groups: dict[Hashable, list[Hashable]] = {}
        self._expiries: list[tuple[int, int, Hashable]] = []
        self._places = 0
        self._waiting = Waiting()

    def state(self, key: Hashable) -> OrderState | None:
        """Return an order that may still fill, as it stands; None for any other."""
        state, trailing = self._orders.get(key), self._waiting.trailing(key)
        if state is None or trailing is None:
            return state
        return replace(state, best=trailing.best, trigger=trailing.trigger)

    # What arrives

    def _register(self, terms: Terms, state: OrderState | None = None) -> OrderState:
        self._places += 1
        if state is None:
            waits = terms.parent is not None
            status = Status.WAITING if waits else Status.OPEN
            state = OrderState(terms, 0 if waits else terms.lots, status=status, trigger=terms.trigger)
        state = self._orders[terms.key] = replace(state, place=self._places)
        if terms.parent is not None:
            self._children.setdefault(terms.parent, []).append(terms.key)
        if terms.group is not None:
            self._groups.setdefault(terms.group, []).append(terms.key)
        if terms.expires_at_ms is not None:
            heappush(self._expiries, (terms.expires_at_ms, self._places, terms.key))
        return state

    def _refused(self, terms: Terms, step: Step | None) -> Reason | None:
        """Say why the market cannot take an order that arrives."""
        if terms.is_reduce_only and not closable(terms, self.positions.get(terms.account, 0)):
            return Reason.REDUCE_ONLY_WOULD_OPEN
        if step is None:
            trails = terms.kind is Kind.TRAILING_STOP and terms.activation is None
            return Reason.NO_MARKET if trails or not rests(terms) else None
        market = market_price(terms, _here(step), step.depth)
        if market is None:
            return Reason.NO_LIQUIDITY if terms.kind is Kind.MARKET else None
        if terms.kind is Kind.LIMIT and terms.is_post_only and crosses(terms.sign, limit_of(terms), market):
            return Reason.POST_ONLY_WOULD_TAKE
        in_market = terms.kind in TRIGGERED_KINDS and is_met(terms, trigger_of(terms), _here(step))
        # What a parent has set free must protect at once, not be refused: it fires.
        return Reason.TRIGGER_IN_MARKET if in_market and terms.parent is None else None

    def _arrive(self, state: OrderState, step: Step | None, events: Events) -> bool:
        """Let an order meet the market and say whether it only waits now."""
        terms = state.terms
        if reason := self._refused(terms, step):
            self._end(state, Status.REJECTED, reason, events)
            return False
        if terms.kind is not Kind.MARKET:
            events.append(Event(terms.key, EventKind.ACCEPTED))
        if step is not None:
            here = _here(step)
            if terms.kind is Kind.MARKET:
                self._take(state, here, step, events)
                return False
            if terms.kind is Kind.LIMIT:
                return self._meet(state, here, step, events)
            if terms.kind is Kind.TRAILING_STOP and _begins(terms, here):
                self._trail(state, here, events)
                return True
        self._waiting.arm(state)
        return True

    # What a move wakes

    def _woken(self, step: Step) -> list[Hashable]:
        """Return the orders that a move concerns, in the order of its path, at one price the oldest first."""
        levels, trailing = self._waiting.wake(step)
        for fired in trailing:
            assert fired.trigger is not None, "what trails has a trigger"
            key = fired.terms.key
            self._orders[key] = replace(self._orders[key], best=fired.best, trigger=fired.trigger)
            levels.append((fired.trigger, key))
        towards = 1 if step.price >= step.origin else -1
        return [key for _, key in sorted(levels, key=lambda one: (towards * one[0], self._orders[one[1]].place))]

    def _wake(self, key: Hashable, step: Step, events: Events) -> None:
        state = self._orders.get(key)
        if state is None or state.status is not Status.OPEN:
            return
        if is_limit(state):
            self._make(state, step, events)
        elif state.is_triggered:
            self._take(state, _here(step), step, events)
        elif state.terms.kind is Kind.TRAILING_STOP and state.best is None:
            self._trail(state, step.price, events)
        else:
            self._trigger(state, step, events)

    def _trail(self, state: OrderState, price: int, events: Events) -> None:
        """Let a stop follow the price from here on."""
        state = replace(state, best=price, trigger=trailing_trigger(state.terms, price))
        self._orders[state.terms.key] = state
        events.append(Event(state.terms.key, EventKind.UPDATED, state.trigger))
        self._waiting.arm(state)

    def _trigger(self, state: OrderState, step: Step, events: Events) -> None:
        assert state.trigger is not None, "what is triggered has a trigger"
        price = step.at(state.trigger)
        state = self._orders[state.terms.key] = triggered(state)
        if state.terms.kind not in LIMIT_KINDS:
            self._take(state, price, step, events)
            return
        events.append(Event(state.terms.key, EventKind.TRIGGERED))
        if self._meet(state, price, step, events):
            self._go_on([state.terms.key], step, events)

    def _go_on(self, keys: Sequence[Hashable], step: Step, events: Events) -> None:
        """Let orders that began to wait within a move meet the rest of it."""
        states = [state for key in keys if (state := self.state(key)) is not None]
        towards = 1 if step.price >= step.origin else -1
        for state in sorted(states, key=lambda one: towards * waits_for(one)):
            key = state.terms.key
            # What came before on the way may have ended it.
            if key in self._orders and self._orders[key].is_open and reached(state, step.price):
                self._waiting.disarm(key)
                self._orders[key] = replace(self._orders[key], best=state.best, trigger=state.trigger)
                self._wake(key, step, events)

    def _meet(self, state: OrderState, price: int, step: Step, events: Events) -> bool:
        """Let what has become a limit order at `price` meet the market, and say whether it only waits now."""
        terms = state.terms
        market = market_price(terms, price, step.depth)
        if market is not None and crosses(terms.sign, limit_of(terms), market) and self._is_within(state, step):
            if terms.is_post_only:
                self._end(state, Status.CANCELED, Reason.POST_ONLY_WOULD_TAKE, events)
            else:
                self._take(state, price, step, events)
            return False
        if not rests(terms):
            self._end(state, Status.CANCELED, None, events)
            return False
        self._waiting.arm(state)
        return True

    def _is_within(self, state: OrderState, step: Step) -> bool:
        """Say whether the market is still within the limit: a move that ran through trigger and limit left it behind."""
        return not state.is_triggered or crosses(state.terms.sign, limit_of(state.terms), step.price)

    def _take(self, state: OrderState, price: int, step: Step, events: Events) -> None:
        """Fill as a taker what the market offers, and let the rest wait or end, as the order says."""
        terms = state.terms
        limit = terms.limit if terms.kind in LIMIT_KINDS else None
        for level, lots in taken(terms, state.left, price, step.depth, limit):
            state = self._fill(state, level, lots, Liquidity.TAKER, step, events)
            if state.status is not Status.OPEN:
                return
        if rests(terms):
            self._waiting.arm(state)
        else:
            reason = Reason.NO_LIQUIDITY if limit is None else None
            self._end(state, Status.CANCELED, reason, events)

    def _make(self, state: OrderState, step: Step, events: Events) -> None:
        lots = made(state, step)
        if lots:
            state = self._fill(state, maker_price(state, step.price), lots, Liquidity.MAKER, step, events)
        if state.status is Status.OPEN:
            self._waiting.arm(state)

    # What a fill does

    def _fill(
        self, state: OrderState, price: int, lots: int, liquidity: Liquidity, step: Step, events: Events
    ) -> OrderState:
        """Fill at most `lots` and return what the order has become; its group shrinks, its children start."""
        terms, held = state.terms, self.positions.get(state.terms.account, 0)
        if terms.is_reduce_only:
            lots = min(lots, closable(terms, held))
            if not lots:
                return self._end(state, Status.CANCELED, Reason.REDUCE_ONLY_WOULD_OPEN, events)
        self.positions[terms.account] = held + terms.sign * lots
        state = filled(state, lots)
        if state.is_open and not state.left and self._expects_more(state):
            state = ended(state, Status.WAITING)
        self._orders[terms.key] = state
        events.append(Event(terms.key, EventKind.FILLED, price, lots, liquidity))
        self._shrink_group(state, lots, events)
        self._start_children(terms.key, lots, replace(step, origin=price), events)
        if state.status is Status.FILLED:
            self._forget(state, events)
        elif state.is_open and (reason := self._spent(state)):
            return self._end(state, Status.CANCELED, reason, events)
        return state

    def _spent(self, state: OrderState) -> Reason | None:
        """Say why an order that has not filled all it asked for can fill no more."""
        terms = state.terms
        if not state.left:
            return Reason.PARENT_ENDED if terms.group is None else Reason.GROUP_FILLED
        gone = terms.is_reduce_only and not closable(terms, self.positions[terms.account])
        return Reason.REDUCE_ONLY_WOULD_OPEN if gone else None

    def _shrink_group(self, state: OrderState, lots: int, events: Events) -> None:
        """Take what one leg filled off the others: together they never fill more than one of them asked for."""
        for key in list(self._groups.get(state.terms.group, ())):
            other = self._orders.get(key)
            if other is None or key == state.terms.key:
                continue
            left = max(0, other.left - lots)
            self._orders[key] = replace(other, left=left)
            if not left:
                self._run_dry(self._orders[key], events)

    def _run_dry(self, state: OrderState, events: Events) -> None:
        """End a leg that has nothing left, or let it wait for what its parent may still fill."""
        if self._expects_more(state):
            self._waiting.disarm(state.terms.key)
            self._orders[state.terms.key] = ended(state, Status.WAITING)
        else:
            self._end(state, Status.CANCELED, Reason.GROUP_FILLED, events)

    def _expects_more(self, state: OrderState) -> bool:
        return state.terms.parent in self._orders and state.started < state.terms.lots

    def _start_children(self, parent: Hashable, lots: int, step: Step, events: Events) -> None:
        """Set free as much of each child as the parent filled. Children meet the rest of the move that filled it."""
        starting: list[OrderState] = []
        for key in self._children.get(parent, ()):
            if (child := self._orders.get(key)) is None:
                continue
            more = min(lots, child.terms.lots - child.started)
            if child.status is Status.WAITING:
                starting.append(child)
            self._orders[key] = replace(child, left=child.left + more, started=child.started + more, status=Status.OPEN)
        waiting: list[Hashable] = []
        for was in starting:
            key = was.terms.key
            # One leg that fills at once ends the other before it arrives.
            if (begun := self._orders.get(key)) is None or not begun.is_open:
                continue
            # What may not wait arrives with each part that its parent fills.
            if not was.started or not rests(was.terms):
                if self._arrive(begun, step, events):
                    waiting.append(key)
            else:
                self._waiting.arm(begun)
                waiting.append(key)
        self._go_on(waiting, step, events)

    def _end(self, state: OrderState, status: Status, reason: Reason | None, events: Events) -> OrderState:
        state = ended(state, status)
        events.append(Event(state.terms.key, EventKind(status.value), reason=reason))
        self._forget(state, events)
        return state

    def _forget(self, state: OrderState, events: Events) -> None:
        key = state.terms.key
        del self._orders[key]
        self._waiting.disarm(key)
        if state.terms.group is not None:
            self._groups[state.terms.group].remove(key)
            if not self._groups[state.terms.group]:
                del self._groups[state.terms.group]
        for child in self._children.pop(key, ()):
            if child in self._orders:
                self._leave_childless(child, events)

    def _leave_childless(self, key: Hashable, events: Events) -> None:
        """End an order that waits for a parent that has ended; one that has started goes on with what it has."""
        state = self._orders[key]
        if state.status is not Status.WAITING:
            return
        self._end(state, Status.CANCELED, Reason.PARENT_ENDED, events)


def _begins(terms: Terms, price: int) -> bool:
    """Say whether a trailing stop follows from `price` on, or still waits for its activation."""
    return terms.activation is None or crosses(terms.sign, terms.activation, price)


def _here(step: Step) -> int:
    """Return the price at which a move begins for somebody who arrives in it."""
    return step.price if step.is_jump else step.origin
