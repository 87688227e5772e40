"""A simulated world while a plan is played: its clock, its queue of tasks, its processes, and the faults that wait to strike.

One thread: whole services are the steps. At every boundary (a commit, a task handed over, before and after the broker's
call) a process may die, or stand still while the next moves happen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from accounts.models import User
from common.failpoints import failpoints_into
from common.tasks import tasks_into
from markets.feed import announce_prices
from markets.models import Instrument
from portfolios.models import Portfolio
from trading.brokers.choosing import use_venue
from trading.simulation.copy_rules import CopyRules
from trading.simulation.plan import Move, Plan
from trading.simulation.stage import BASE_PRICES, NAMESPACE, NOON, Stage, instruments
from trading.simulation.venue import SimulatedVenue
from trading.trigger_engine import TriggerEngine

# A paused process may be paused again, while others work, but not without end.
_DEEPEST = 3


def name_of(call: Callable[[], Any]) -> str:
    """Return the name of the task that a call of the queue runs."""
    assert isinstance(call, partial)
    name: str = getattr(call.func, "name")  # noqa: B009  # Celery's, of which the checker knows nothing
    return name


class Crash(BaseException):
    """A process dies. Nothing of ours may catch it: what was not committed is gone."""


class Broken(BaseException):
    """A rule of copying does not hold; the message is "rule_14: details". Nothing of ours may catch this either."""


@dataclass(slots=True)
class Strike:
    """A fault that waits at a boundary: a process dies there, or stands still while a move happens."""

    boundary: str
    passes: int
    move: Move | None = None


class World:
    """What a plan is played on. `perform` makes one move come true and returns what came of it, in words."""

    def __init__(self, stage: Stage, plan: Plan, perform: Callable[[World, Move], str]) -> None:
        self.stage, self._plan, self._perform = stage, plan, perform
        self._next = self._depth = 0
        self.now = NOON
        self.tasks: list[Callable[[], Any]] = []
        self.trace: list[str] = []
        self.counts = {"crashes": 0, "stalls": 0, "lost": 0, "doubled": 0}
        # The faults that wait for a process to pass a boundary, and for tasks to be handed over.
        self.waiting: list[Strike] = []
        self.fates: list[tuple[int, str]] = []

    @contextmanager
    def running(self, seed: int) -> Iterator[None]:
        """Hold this process to the world while the block runs."""
        with ExitStack() as stack:
            stack.enter_context(self.stage.play(seed, lambda: self.now, lambda: self.boundary("committed")))
            *self.instruments, self.perpetual = instruments()
            traded = [*self.instruments, self.perpetual]
            self.prices: dict[UUID, Decimal] = {one.pk: BASE_PRICES[one.market.base_id] for one in traded}
            self.venue = SimulatedVenue(
                self.prices, lambda seconds: self.stand_still("the venue", Move("live", (seconds,)))
            )
            self.people = {one.email.partition("@")[0]: one for one in User.objects.order_by("pk")}
            self.engine = TriggerEngine(NAMESPACE)
            self.rules, self._asked_at = CopyRules(traded), -1
            stack.callback(use_venue, None)
            use_venue(self.venue)
            stack.enter_context(tasks_into(self))
            stack.enter_context(failpoints_into(self.boundary))
            self.announce()
            yield

    # --- the plan ---------------------------------------------------------------------------------------------------
    def play(self, moves: int | None = None) -> None:
        """Make the next moves come true: so many, or all that are left."""
        while self._next < len(self._plan) and moves != 0:
            move = self._plan[self._next]
            self._next += 1
            said = self._perform(self, move)
            self.say(f"{move}: {said}" if said else str(move))
            self.ask_rules()
            moves = None if moves is None else moves - 1

    def ask_rules(self) -> None:
        """Raise Broken where a rule of copying does not hold, if anything was written since they were asked last."""
        written = self.stage.connection.connection.total_changes
        if written != self._asked_at and (broken := self.rules.broken()):
            raise Broken(broken[0])
        self._asked_at = written

    def say(self, what: str) -> None:
        """Write down what happened, when, and how deep in paused processes."""
        self.trace.append(f"{(self.now - NOON).total_seconds():8.1f} {'  ' * self._depth}{what}")

    def digest(self) -> str:
        """Return the hash of all that happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    # --- processes --------------------------------------------------------------------------------------------------
    def boundary(self, name: str) -> None:
        """Pass a place where a process may die or stand still; inside a transaction nothing can be told from before it."""
        if self.stage.connection.in_atomic_block:
            return
        strike = next((one for one in self.waiting if one.boundary == name), None)
        if strike is None:
            return
        strike.passes -= 1
        if strike.passes < 0:
            self.waiting.remove(strike)
            self._strike(strike)

    def _strike(self, strike: Strike) -> None:
        if strike.move is None:
            self.counts["crashes"] += 1
            self.say(f"dies at {strike.boundary!r}")
            raise Crash
        self.stand_still(strike.boundary, strike.move)

    def stand_still(self, where: str, meanwhile: Move) -> None:
        """Let something happen while this process waits: "meanwhile 3" for the next three moves of the plan."""
        if self._depth == _DEEPEST:
            return
        self.counts["stalls"] += 1
        self.say(f"stands still at {where!r}")
        self._depth += 1
        try:
            self._perform(self, meanwhile)
        finally:
            self._depth -= 1
        self.say("goes on")

    # --- the queue --------------------------------------------------------------------------------------------------
    def add(self, call: Callable[[], Any]) -> None:
        """Take a task of trading's: it waits for a worker, unless it is to be lost, or comes twice."""
        if not name_of(call).startswith("trading."):
            return
        copies = self._copies()
        self.tasks += [call] * copies
        self.boundary("handed over")

    def _copies(self) -> int:
        if not self.fates:
            return 1
        left, fate = self.fates[0]
        if left:
            self.fates[0] = left - 1, fate
            return 1
        self.fates.pop(0)
        self.counts["lost" if fate == "lose" else "doubled"] += 1
        return 0 if fate == "lose" else 2

    # --- time and prices --------------------------------------------------------------------------------------------
    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.venue.live_on()

    def announce(self) -> None:
        """Let everybody know the prices of this moment."""
        announce_prices(NAMESPACE, self.prices, self.now, moves_market_time=False)

    def move_price(self, traded: Instrument, price: Decimal) -> str:
        """Let a price move, and the engine hear of it."""
        self.prices[traded.pk] = price
        self.venue.live_on()
        self.announce()
        # Hints about new stops are lost now and then only; `look` is what comes without them.
        self.engine.refresh()
        return f"{price:f}, {self.engine.on_prices({traded.pk: price}, self.now)} stops fire"

    # --- who is there -----------------------------------------------------------------------------------------------
    def book(self, number: int) -> Portfolio:
        """Return one of alice's books."""
        return Portfolio.objects.filter(owner=self.people["alice"]).order_by("pk")[number]
