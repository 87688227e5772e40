"""The live broker against the numbered cases, at the test exchange in two dialects; over HTTP, with the product's own desk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common import clock
from engine.decimals import floor_to_step
from markets.gateway.protocol import OrderType
from markets.gateway.protocol import TimeInForce as VenueForce
from portfolios.margin_models import MarginMode
from portfolios.models import Portfolio
from portfolios.selectors import account_balances
from sandbox.core.orders import Side as VenueSide
from sandbox.faults import Fault, FaultKind
from tests.fixtures_signing import Booth, OpenBooth
from tests.trading.brokers import acceptance
from tests.trading.brokers.acceptance import Acceptance
from trading.brokers import Broker, OrderResult, Outcome
from trading.brokers.live import LiveBroker, request_of
from trading.kinds import OrderKind
from trading.models import Order, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order
from trading.trigger_engine import TriggerEngine

D = Decimal
# Where each dialect takes orders.
PLACES = {
    "binance": "POST /api/v3/order",
    "binanceusdm": "POST /fapi/v1/order",
    "kraken": "POST /0/private/AddOrder",
}
CANCELS = {
    "binance": "DELETE /api/v3/order",
    "binanceusdm": "DELETE /fapi/v1/order",
    "kraken": "POST /0/private/CancelOrder",
}


class LiveBench:
    """A portfolio of 5,000 USDT on an account of 100,000."""

    def __init__(self, booth: Booth, owner: User) -> None:
        self.booth, self._owner = booth, owner
        self.account = booth.connect(owner)
        self.portfolio: Portfolio = booth.portfolio(self.account, 5_000)
        self.too_little = booth.instrument.lot_step
        self._stood_at: Decimal | None = None

    @property
    def broker(self) -> Broker:
        return LiveBroker(self.booth.desk.access, self.booth.loop.loop)

    def place(self, side: Side, quantity: Decimal, terms: OrderTerms = PLAIN) -> Order:
        self.booth.price()
        return place_hand_order(
            actor=self._owner,
            portfolio=self.portfolio,
            instrument=self.booth.instrument,
            side=side,
            quantity=quantity,
            terms=terms,
        )

    def at(self, ratio: str) -> Decimal:
        booth = self.booth

        def hold() -> Decimal:
            booth.place.market.is_still = True
            return booth.place.exchange.last_price(booth.venue_symbol)

        self._stood_at = self._stood_at or booth.thread.call(hold)
        return floor_to_step(self._stood_at * D(ratio), booth.instrument.tick_size)

    def move(self, ratio: str) -> None:
        booth, price = self.booth, self.at(ratio)
        booth.trade_at(price)
        engine = TriggerEngine(booth.exchange.namespace)
        engine.refresh()
        engine.on_prices({booth.instrument.pk: booth.price()})

    def take(self, order: Order, quantity: Decimal) -> None:
        """Let somebody at the venue take so much of an order that rests."""
        booth, limit = self.booth, order.limit_price
        assert limit is not None
        matcher = booth.place.exchange.matcher

        def take() -> None:
            matcher.house_takes(booth.venue_symbol, VenueSide.SELL, limit, quantity)
            matcher.finish()

        booth.thread.call(take)

    def alive(self) -> int:
        """Return how many orders of the account rest at the venue."""
        name = self.booth.keys[str(self.account.pk)].account
        return self.booth.thread.call(lambda: len(self.booth.place.exchange.orders(name, open_only=True)))

    def claimed(self, side: Side, quantity: Decimal) -> Order:
        return acceptance.claimed(self, side, quantity)

    def execute(self) -> None:
        self.booth.loop.run(self.booth.desk.send_waiting())

    def settle(self) -> bool:
        """Reconcile until both agree: a difference is booked when it was seen twice, so by one who remembers."""
        return self.booth.settle(self.account)

    def at_venue(self) -> int:
        return self.booth.orders_at_venue(self.account)

    def agrees(self) -> bool:
        held = self.booth.held(self.account)
        ours = {row.asset: row.remainder + books for row, books in account_balances(self.account)}
        return {asset: amount for asset, amount in ours.items() if amount} == held

    def empty(self, asset: str) -> None:
        self.booth.change_money(self.account, asset, -self.booth.held(self.account)[asset])

    @contextmanager
    def _fault(self, kind: FaultKind, *, where: str = "", **facts: Any) -> Iterator[None]:
        self.booth.switch_on(Fault(kind, where=where, **facts))
        yield
        self.booth.thread.call(self.booth.venue.faults.switch_off)

    def _at_order(self, kind: FaultKind, **facts: Any) -> Any:
        return self._fault(kind, where=PLACES[self.booth.dialect], count=1, **facts)

    def never_taken(self) -> Any:
        return self._at_order(FaultKind.SERVER_ERROR, status=502)

    def no_answer(self) -> Any:
        return self._at_order(FaultKind.TIMEOUT_AFTER_ACCEPT, seconds=1.0)

    def dropped_answer(self) -> Any:
        return self._at_order(FaultKind.DROPPED_RESPONSE)

    def cancel_loses(self) -> Any:
        return self._fault(FaultKind.CANCEL_LOSES, count=1)

    def unanswered_cancel(self) -> Any:
        where = CANCELS[self.booth.dialect]
        return self._fault(FaultKind.DROPPED_RESPONSE, where=where, count=1)

    def slow(self, seconds: float) -> Any:
        return self._at_order(FaultKind.LATENCY, seconds=seconds)

    def limited(self) -> Any:
        return self._at_order(FaultKind.SERVER_ERROR, status=429)

    def thin(self, ratio: Decimal) -> Any:
        return self._fault(FaultKind.PARTIAL_FILL, count=1, ratio=ratio)

    def skewed(self, milliseconds: int) -> Any:
        return self._fault(FaultKind.CLOCK_SKEW, milliseconds=milliseconds)

    @contextmanager
    def outage_after_acceptance(self) -> Iterator[None]:
        """Take the order, answer nothing, and go away for a while."""
        with self.no_answer():
            gone = threading.Timer(0.5, self.booth.thread.hide)
            gone.start()
            yield
            gone.join()
        clock.sleep(0.2)
        self.booth.thread.show()

    def in_background(self, work: acceptance.Results) -> acceptance.Results:
        """Start something and return what waits for it."""
        found: list[list[OrderResult]] = []
        thread = threading.Thread(target=lambda: found.append(work()))
        thread.start()
        clock.sleep(0.2)

        def wait() -> list[OrderResult]:
            thread.join(20)
            return found[0]

        return wait

    def patiently(self, ask: acceptance.Results) -> list[OrderResult]:
        """Ask until the venue answers at all: after an outage its breaker lets nobody through for a moment."""
        deadline = clock.monotonic() + 40
        while (found := ask())[0].outcome == Outcome.UNKNOWN and clock.monotonic() < deadline:
            clock.sleep(0.5)
        return found


def on_cross_margin(bench: LiveBench) -> LiveBench:
    """Have a bench trade on cross margin, where an open position sets nothing aside."""
    set_margin_terms(
        actor=bench.portfolio.owner,
        portfolio=bench.portfolio,
        instrument=bench.booth.instrument,
        leverage=1,
        mode=MarginMode.CROSS,
    )
    return bench


class TestBinance(Acceptance):
    @pytest.fixture
    def bench(self, open_booth: OpenBooth, alice: User) -> LiveBench:
        return LiveBench(open_booth("binance"), alice)


class TestBinanceFutures(Acceptance):
    """Perpetuals on cross margin: what B01 and B02 say of coins stands in test_live_perpetuals.py."""

    without = frozenset({"B01", "B02"})

    @pytest.fixture
    def bench(self, open_booth: OpenBooth, alice: User) -> LiveBench:
        return on_cross_margin(LiveBench(open_booth("binanceusdm"), alice))


class TestKraken(Acceptance):
    # Its signatures carry a growing number, no time: nobody's clock is asked.
    without = frozenset({"B15"})

    @pytest.fixture
    def bench(self, open_booth: OpenBooth, alice: User) -> LiveBench:
        return LiveBench(open_booth("kraken"), alice)


def test_a_limit_never_goes_out_as_what_takes_any_price(alice: User, open_booth: OpenBooth) -> None:
    bench = LiveBench(open_booth("binance"), alice)
    market_price = bench.at("1")
    facts = {"portfolio": bench.portfolio, "instrument": bench.booth.instrument, "side": Side.SELL}
    limit = Order(kind=OrderKind.LIMIT, limit_price=D(90), quantity=D("0.01"), market_price=market_price, **facts)
    asked = request_of(limit)
    assert (asked.type, asked.price, asked.time_in_force) == (OrderType.LIMIT, D(90), VenueForce.GTC)
    # What waits here is not sent at all.
    limit.is_at_venue, limit.claimed_at = False, clock.wall_now()
    [answer] = bench.broker.submit([limit])
    assert (answer.outcome, bench.booth.orders_at_venue(bench.account)) == (Outcome.OPEN, 0)
