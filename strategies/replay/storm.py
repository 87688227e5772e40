"""A crash's weather over a replay: for twenty minutes spreads are twenty times as wide and the venue answers followers badly.

Nobody's services are changed for it: the spread is the portfolios' own slippage, the venue a broker in front of the usual
one. Wall time passes with the market's while it lasts, so that what was not answered is asked about in its time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from common.clock import set_market_time, use_wall_clock
from common.ids import seeded_random
from markets.steps import Step
from portfolios.costs import costs_of
from portfolios.models import Portfolio
from portfolios.services.costs import set_costs
from strategies.replay.driver import Finish
from strategies.replay.guarding import Wait, Weather
from trading.brokers import OrderResult, Outcome
from trading.brokers.choosing import use_broker
from trading.brokers.paper import PaperBroker
from trading.models import IN_FLIGHT, FollowCommand, Order, OrderState
from trading.services.sweeping import run_due, sweep

WIDER = 20
# Of a hundred orders that followers send into it: refused, lost on the way there, taken without an answer.
REFUSED, LOST, UNANSWERED = 40, 15, 15
REFUSAL = "VENUE_OVERLOADED"
# So soon after a fill of the lead its copies are made: before the next price, as on a running site.
_COPIED_WITHIN = timedelta(seconds=1)


class Storm:
    """Weather from `begins` until `ends` (market time). What it did to orders is kept for the report."""

    valid_for = PaperBroker.valid_for

    def __init__(
        self, namespace: str, begins: datetime, ends: datetime, *, seed: int, followers: Sequence[UUID]
    ) -> None:
        """`followers` are their portfolios: what befalls each depends on its number and the seed alone."""
        self._namespace, self._begins, self._ends, self._seed = namespace, begins, ends, seed
        self._broker = PaperBroker()
        self._number = {portfolio_id: number for number, portfolio_id in enumerate(followers)}
        # When the newest prices were made, and how late it is: between two of them, as late as it may be.
        self._at = self._now = begins - timedelta(days=1)
        self._passed = timedelta(0)
        self._slippage: dict[UUID, Decimal] = {}
        self._prices: dict[UUID, Decimal] = {}
        # At which price of the market each order of a follower was last sent.
        self._met: dict[UUID, Decimal] = {}
        self._lost: set[str] = set()
        self._times_sent: defaultdict[int, int] = defaultdict(int)
        self._waited: defaultdict[UUID, list[Wait]] = defaultdict(list)
        self._sent_at: dict[UUID, datetime] = {}
        self.faults: dict[str, int] = {"refused": 0, "lost": 0, "unanswered": 0}

    @contextmanager
    def over(self) -> Iterator[None]:
        """Let it be the weather of this process while the block runs."""
        with ExitStack() as stack:
            before = use_wall_clock(None)
            use_wall_clock(lambda: before() + self._passed)
            stack.callback(use_wall_clock, before)
            use_broker(self)
            stack.callback(use_broker, None)
            yield

    @property
    def weather(self) -> Weather:
        return Weather(self._waited, self._sent_at, lambda at: WIDER if self._begins <= at < self._ends else 1)

    @property
    def is_on(self) -> bool:
        return self._begins <= self._at < self._ends

    def concerns(self, step: Step) -> bool:
        """Say whether a price has to be seen by all: what is tried again meets it."""
        return self._begins <= step.at and (step.at < self._ends or self._has_more_to_do())

    def steps(self, steps: Iterable[Step], finish: Finish, see: Callable[[Step], object]) -> Iterator[Step]:
        """Yield the steps; between two of them do what a site does by itself: copies, questions, second tries."""
        for step in steps:
            if self._at >= self._begins and (self.is_on or self._has_more_to_do()):
                self._between(step.at, finish)
            self._at = self._now = step.at
            self._prices |= step.prices
            self._widen(self.is_on)
            if self.concerns(step):
                see(step)
            yield step

    def _has_more_to_do(self) -> bool:
        unfinished = Order.objects.filter(state__in=(OrderState.PENDING, *IN_FLIGHT))
        return unfinished.exists() or FollowCommand.objects.filter(is_done=False).exists()

    def _between(self, until: datetime, finish: Finish) -> None:
        soon = min(self._at + _COPIED_WITHIN, until)
        set_market_time(self._namespace, soon)
        run_due(namespace=self._namespace, until=soon)
        finish()
        self._passed += until - self._at
        self._now = until
        sweep(older_than_seconds=0)
        finish()

    def _widen(self, is_wide: bool) -> None:
        """Have every book of the market slip twenty times as far, or as far as before."""
        if is_wide == bool(self._slippage):
            return
        for book in Portfolio.objects.filter(namespace=self._namespace).select_related("owner"):
            model = costs_of(book)
            slippage = model.slippage_bps * WIDER if is_wide else self._slippage.get(book.pk, model.slippage_bps)
            if is_wide:
                self._slippage[book.pk] = model.slippage_bps
            set_costs(actor=book.owner, portfolio=book, model=replace(model, slippage_bps=slippage))
        if not is_wide:
            self._slippage.clear()

    # --- the venue --------------------------------------------------------------------------------------------------
    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        for order in orders:
            # A copy that is late, because it was refused before or is sent again, gets no more the price of its event.
            if order.follow_id is not None and self._at >= self._begins:
                self._met[order.pk] = order.market_price = self._prices[order.instrument_id]
        return [self._sent(order, one) for order, one in zip(orders, self._broker.submit(orders), strict=True)]

    def query(self, orders: Sequence[Order]) -> list[OrderResult]:
        for order in orders:
            self._keeps_waiting(order)
            order.market_price = self._met.get(order.pk, order.market_price)
        known = self._broker.query(orders)
        return [
            OrderResult(order.pk, Outcome.NOT_FOUND) if order.client_order_id in self._lost else one
            for order, one in zip(orders, known, strict=True)
        ]

    def _sent(self, order: Order, answer: OrderResult) -> OrderResult:
        name = order.client_order_id
        self._lost.discard(name)
        number = self._number.get(order.portfolio_id)
        if not self.is_on or number is None:
            return answer
        self._times_sent[number] += 1
        self._sent_at[order.pk] = self._at
        fate = seeded_random("storm", self._seed, number, self._times_sent[number]).randrange(100)
        if fate >= REFUSED + LOST + UNANSWERED:
            return answer
        self._keeps_waiting(order)
        if fate < REFUSED:
            self.faults["refused"] += 1
            return OrderResult(order.pk, Outcome.REJECTED, code=REFUSAL)
        if fate < REFUSED + LOST:
            self.faults["lost"] += 1
            self._lost.add(name)
        else:
            self.faults["unanswered"] += 1
        return OrderResult(order.pk, Outcome.UNKNOWN)

    def _keeps_waiting(self, order: Order) -> None:
        self._waited[order.portfolio_id].append(Wait(self._at, self._now))
