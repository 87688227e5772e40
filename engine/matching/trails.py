"""Trailing stops that move with the price though nobody touches them: all that follow one best price are one cohort.

A price that is better than some cohorts' best makes them one (the smaller is poured into the larger); every trigger of
a cohort follows from its best price and the order's own trail. Cohorts lie sorted, the best price ever seen first, and
each knows the first trigger that is reached in it or in those before it, so that most prices are told by one comparison.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import replace
from heapq import heapify, heappop, heappush

from engine.matching.levels import BEYOND
from engine.matching.rules import trailing_trigger
from engine.matching.types import OrderState, Terms

_Heap = list[tuple[int, int, Hashable]]


class _Cohort:
    """Stops that follow one best price: two heaps, by ticks and by share of the price, the tightest first."""

    __slots__ = ("best", "members", "shares", "steps")

    def __init__(self, best: int) -> None:
        self.best = best
        self.members: dict[Hashable, OrderState] = {}
        self.steps: _Heap = []
        self.shares: _Heap = []

    def add(self, state: OrderState) -> None:
        terms = state.terms
        self.members[terms.key] = state
        heappush(self.steps if terms.trail is not None else self.shares, _entry(state))

    def first(self) -> OrderState | None:
        """Return the stop with the tightest trigger; None when none is left."""
        found = [state for heap in (self.steps, self.shares) if (state := self._head(heap)) is not None]
        return min(found, key=lambda state: self._distance(state.terms)) if found else None

    def pour(self, other: _Cohort) -> None:
        self.members.update(other.members)
        for mine, theirs in ((self.steps, other.steps), (self.shares, other.shares)):
            for entry in theirs:
                heappush(mine, entry)

    def shrink(self) -> None:
        """Forget what was withdrawn, once it is most of what the heaps hold."""
        if len(self.steps) + len(self.shares) > 2 * len(self.members) + 8:
            alive = self.members.values()
            self.steps = [_entry(state) for state in alive if state.terms.trail is not None]
            self.shares = [_entry(state) for state in alive if state.terms.trail is None]
            heapify(self.steps)
            heapify(self.shares)

    def _head(self, heap: _Heap) -> OrderState | None:
        while heap:
            _, place, key = heap[0]
            state = self.members.get(key)
            if state is not None and state.place == place:
                return state
            heappop(heap)
        return None

    def _distance(self, terms: Terms) -> int:
        return abs(trailing_trigger(terms, self.best) - self.best)


def _entry(state: OrderState) -> tuple[int, int, Hashable]:
    terms = state.terms
    trail = terms.trail if terms.trail is not None else terms.trail_share
    assert trail is not None, "a trailing stop has a trail"
    return trail, state.place, terms.key


class Trails:
    """The active trailing stops of one instrument and side. `sign` is theirs: sales (-1) follow a rising price."""

    __slots__ = ("_cohort_of", "_cohorts", "_reach", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._cohorts: list[_Cohort] = []
        # Per cohort: the nearest trigger of it and of all before it, as a rank (see _rank).
        self._reach: list[int] = []
        self._cohort_of: dict[Hashable, _Cohort] = {}

    def __len__(self) -> int:
        return len(self._cohort_of)

    def add(self, state: OrderState) -> None:
        """Let a stop follow from its `best` price on."""
        assert state.best is not None, "a trail begins at a price"
        place = self._place(state.best)
        if place == len(self._cohorts) or self._cohorts[place].best != state.best:
            self._cohorts.insert(place, _Cohort(state.best))
        self._cohorts[place].add(state)
        self._cohort_of[state.terms.key] = self._cohorts[place]
        self._measure(place)

    def remove(self, key: Hashable) -> None:
        """Forget a stop; nothing happens where there is none. The reach may stay too near, which only costs a look."""
        if (cohort := self._cohort_of.pop(key, None)) is None:
            return
        del cohort.members[key]
        cohort.shrink()
        if not cohort.members:
            place = self._place(cohort.best)
            del self._cohorts[place]
            self._measure(place)

    def now(self, key: Hashable) -> OrderState | None:
        """Return a stop with the best price and the trigger that it has now."""
        cohort = self._cohort_of.get(key)
        return None if cohort is None else _at(cohort.members[key], cohort.best)

    def triggers(self) -> Iterator[tuple[Hashable, int]]:
        """Yield each stop and its trigger."""
        for cohort in self._cohorts:
            for key, state in cohort.members.items():
                yield key, trailing_trigger(state.terms, cohort.best)

    def bests(self) -> Iterator[tuple[Hashable, int]]:
        """Yield each stop and the best price that it follows."""
        for cohort in self._cohorts:
            for key in cohort.members:
                yield key, cohort.best

    def bounds(self) -> tuple[int, int]:
        """Return the prices between which nothing is triggered and nothing moves, both excluded."""
        if not self._cohorts:
            return -BEYOND, BEYOND
        trigger, best = -self._sign * self._reach[-1], self._cohorts[-1].best
        return (trigger, best + 1) if self._sign < 0 else (best - 1, trigger)

    def follow(self, price: int) -> None:
        """Let every stop follow a price that is better than the best it knew."""
        rank, merged = self._rank(price), None
        while self._cohorts and self._rank(self._cohorts[-1].best) <= rank:
            merged = self._join(self._cohorts.pop(), merged)
        if merged is not None:
            merged.best = price
            self._cohorts.append(merged)
            self._measure(len(self._cohorts) - 1)

    def fire(self, price: int) -> list[OrderState]:
        """Remove and return the stops that `price` triggers, with their triggers."""
        rank, fired = self._rank(price), []
        if not self._reach or self._reach[-1] < rank:
            return []
        for cohort in self._cohorts:
            while (state := cohort.first()) is not None:
                state = _at(state, cohort.best)
                if state.trigger is None or self._rank(state.trigger) < rank:
                    break
                fired.append(state)
                del cohort.members[state.terms.key]
                del self._cohort_of[state.terms.key]
        self._cohorts = [cohort for cohort in self._cohorts if cohort.members]
        self._measure(0)
        return fired

    def _place(self, best: int) -> int:
        """Return where the cohort of a best price stands, or would."""
        return bisect_left(self._cohorts, -self._rank(best), key=lambda cohort: -self._rank(cohort.best))

    def _join(self, cohort: _Cohort, merged: _Cohort | None) -> _Cohort:
        if merged is None:
            return cohort
        large, small = (cohort, merged) if len(cohort.members) >= len(merged.members) else (merged, cohort)
        large.pour(small)
        for key in small.members:
            self._cohort_of[key] = large
        return large

    def _measure(self, first: int) -> None:
        """Set the reach of the cohorts from number `first` on."""
        del self._reach[first:]
        nearest = self._reach[-1] if self._reach else -BEYOND
        for cohort in self._cohorts[first:]:
            if (state := cohort.first()) is not None:
                nearest = max(nearest, self._rank(trailing_trigger(state.terms, cohort.best)))
            self._reach.append(nearest)

    def _rank(self, price: int) -> int:
        """Return a number that grows as a price gets better for those who follow it."""
        return -self._sign * price


def _at(state: OrderState, best: int) -> OrderState:
    return replace(state, best=best, trigger=trailing_trigger(state.terms, best))
