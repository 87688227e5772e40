"""What every broker must pass, by number. A broker's test file subclasses this with a bench, and names what does not apply.

A bench places an order as the product does, has it executed, and says what the broker's far side knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import pytest

from engine.decimals import ZERO
from portfolios.models import Balance, Portfolio, Position
from tests.fixtures_trading import failed_checks
from trading.brokers import Broker, OrderResult, Outcome
from trading.kinds import OrderKind, TimeInForce
from trading.models import Fill, Order, OrderState, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.services.changing import cancel_order, modify_order
from trading.services.execution import claim_orders, record_results
from trading.services.fills import record_fills

D = Decimal


class Bench(Protocol):
    """A portfolio of 5,000 USDT on a broker, and a market at which 0.01 is an order worth several hundred."""

    portfolio: Portfolio

    @property
    def broker(self) -> Broker: ...

    def place(self, side: Side, quantity: Decimal, terms: OrderTerms = PLAIN) -> Order:
        """Store a PENDING order by hand, at a fresh price."""

    def at(self, ratio: str) -> Decimal:
        """Return so many times the market's price, in whole ticks; the market then stands still."""

    def move(self, ratio: str) -> None:
        """Let the market, on both sides, come to so many times the price that it stood still at."""

    def execute(self) -> None:
        """Have all that waits claimed, sent and booked, as the process whose business it is does."""

    def settle(self) -> bool:
        """Bring the books in step with the far side; True where both agree."""

    def at_venue(self) -> int:
        """Return how many orders of ours the far side ever took."""

    def agrees(self) -> bool:
        """Say whether the far side's own books are ours, to the last digit."""


# What only a far side with a network in between can do.
REMOTE = frozenset(f"B{number:02}" for number in (4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 19, 20, 21, 24, 25))


class Acceptance:
    """The cases. `without` names those that do not apply."""

    without: ClassVar[frozenset[str]] = frozenset()

    @pytest.fixture(autouse=True)
    def applies(self, request: pytest.FixtureRequest) -> None:
        found = re.match(r"test_(b\d\d)_", request.node.name)
        assert found is not None, "a case has a number"
        if found[1].upper() in self.without:
            pytest.skip(f"{found[1].upper()} does not apply to this broker")

    def test_b01_a_market_purchase_is_booked_with_exact_sums(self, bench: Bench) -> None:
        order = _done(bench, Side.BUY, "0.01")
        fills = list(Fill.objects.filter(order=order))
        assert (order.state, order.filled_quantity, order.reserved) == (OrderState.FILLED, D("0.01"), ZERO)
        assert sum(one.quantity for one in fills) == D("0.01")
        paid = sum((one.quantity * one.price + (ZERO if one.base_fee else one.fee) for one in fills), ZERO)
        got = sum((one.quantity - one.base_fee for one in fills), ZERO)
        assert _held(bench) == {"USDT": (5_000 - paid, ZERO), "BTC": (got, ZERO)}
        _all_agree(bench)

    def test_b02_a_market_sale_is_booked_with_exact_sums(self, bench: Bench) -> None:
        _done(bench, Side.BUY, "0.01")
        before = _held(bench)
        order = _done(bench, Side.SELL, "0.009")
        got = sum((one.quantity * one.price - one.fee for one in Fill.objects.filter(order=order)), ZERO)
        assert (order.state, order.filled_quantity) == (OrderState.FILLED, D("0.009"))
        assert _held(bench)["USDT"] == (before["USDT"][0] + got, ZERO)
        assert _held(bench)["BTC"] == (before["BTC"][0] - D("0.009"), ZERO)
        _all_agree(bench)

    def test_b03_a_fee_is_in_the_order_the_position_and_the_ledger(self, bench: Bench) -> None:
        order = _done(bench, Side.BUY, "0.01")
        fee = sum((one.fee for one in Fill.objects.filter(order=order)), ZERO)
        position = Position.objects.get(portfolio=bench.portfolio)
        assert order.fee == position.fees_paid == fee > ZERO
        _all_agree(bench)

    def test_b04_what_the_far_side_has_no_money_for_is_rejected(self, bench: Any) -> None:
        bench.empty("USDT")
        order = _done(bench, Side.BUY, "0.01", is_settled=False)
        assert (order.state, order.code, order.reserved) == (OrderState.REJECTED, "INSUFFICIENT_FUNDS", ZERO)
        assert _held(bench) == {"USDT": (D(5_000), ZERO)}

    def test_b05_what_is_below_the_far_sides_minimum_is_rejected(self, bench: Any) -> None:
        order = bench.claimed(Side.BUY, D("0.01"))
        order.quantity = bench.too_little
        [result] = bench.broker.submit([order])
        assert (result.outcome, result.fills, bool(result.code)) == (Outcome.REJECTED, (), True)
        assert bench.at_venue() == 0

    def test_b06_what_is_executed_twice_is_one_order(self, bench: Bench) -> None:
        order = bench.place(Side.BUY, D("0.01"))
        bench.execute()
        bench.execute()
        bench.settle()
        order.refresh_from_db()
        assert (order.state, bench.at_venue()) == (OrderState.FILLED, 1)
        _all_agree(bench)

    def test_b07_a_time_out_before_acceptance_is_unknown_and_then_not_found(self, bench: Any) -> None:
        order = bench.claimed(Side.BUY, D("0.01"))
        with bench.never_taken():
            [result] = bench.broker.submit([order])
        assert (result.outcome, result.fills) == (Outcome.UNKNOWN, ())
        [found] = bench.broker.query([order])
        assert (found.outcome, bench.at_venue()) == (Outcome.NOT_FOUND, 0)

    def test_b08_a_time_out_after_acceptance_is_unknown_and_then_found(self, bench: Any) -> None:
        _found_after(bench, bench.no_answer())

    def test_b09_a_dropped_answer_is_unknown_and_then_found(self, bench: Any) -> None:
        _found_after(bench, bench.dropped_answer())

    def test_b10_what_is_asked_about_before_it_arrived_is_not_found_and_then_filled(self, bench: Any) -> None:
        order = bench.claimed(Side.BUY, D("0.01"))
        with bench.slow(seconds=0.8):
            later = bench.in_background(lambda: bench.broker.submit([order]))
            [early] = bench.broker.query([order])
            [result] = later()
        assert early.outcome == Outcome.NOT_FOUND
        record_results([result])
        bench.settle()
        order.refresh_from_db()
        assert (order.state, bench.at_venue()) == (OrderState.FILLED, 1)

    def test_b11_a_part_is_booked_and_the_rest_ends(self, bench: Any) -> None:
        with bench.thin(D("0.4")):
            order = _done(bench, Side.BUY, "0.01")
        assert order.state in (OrderState.EXPIRED, OrderState.CANCELED)  # venues use both words
        assert (order.filled_quantity, order.reserved) == (D("0.004"), ZERO)
        assert _held(bench)["USDT"][1] == ZERO
        _all_agree(bench)

    def test_b12_a_fill_that_is_told_twice_is_booked_once(self, bench: Bench) -> None:
        order = _done(bench, Side.BUY, "0.01")
        before = _held(bench)
        [result] = bench.broker.query([_read(order)])
        assert result.fills
        assert record_fills(result.fills) == []
        record_results([result, result])
        assert _held(bench) == before
        _all_agree(bench)

    def test_b13_an_outage_between_acceptance_and_answer_loses_nothing(self, bench: Any) -> None:
        _found_after(bench, bench.outage_after_acceptance())

    def test_b14_a_rate_limit_is_never_a_refusal(self, bench: Any) -> None:
        order = bench.claimed(Side.BUY, D("0.01"))
        with bench.limited():
            [result] = bench.broker.submit([order])
        assert result.outcome in (Outcome.UNKNOWN, Outcome.OPEN, Outcome.FILLED)
        assert bench.at_venue() == (0 if result.outcome == Outcome.UNKNOWN else 1)

    def test_b15_a_skewed_clock_is_followed(self, bench: Any) -> None:
        with bench.skewed(milliseconds=-60_000):
            order = _done(bench, Side.BUY, "0.01")
            assert (order.state, bench.at_venue()) == (OrderState.FILLED, 1)

    def test_b16_a_limit_rests_with_its_promise_and_fills_at_its_price(self, bench: Bench) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        assert (order.state, order.filled_quantity) == (OrderState.OPEN, ZERO)
        assert order.limit_price is not None
        assert _held(bench)["USDT"][1] == order.reserved >= order.limit_price * D("0.01")
        bench.move("0.89")
        order = _settled(bench, order)
        assert (order.state, order.average_price, order.reserved) == (OrderState.FILLED, order.limit_price, ZERO)
        assert _held(bench)["USDT"][1] == ZERO
        _all_agree(bench)

    def test_b17_a_canceled_limit_gives_back_its_promise(self, bench: Bench) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        order = _canceled(bench, order)
        assert (order.state, order.code, order.filled_quantity) == (OrderState.CANCELED, "CANCELED_BY_OWNER", ZERO)
        bench.move("0.89")
        assert _settled(bench, order).state == OrderState.CANCELED
        assert _held(bench)["USDT"] == (D(5_000), ZERO)
        _all_agree(bench)

    @pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.FOK])
    def test_b18_what_may_not_wait_ends_at_once(self, bench: Bench, force: TimeInForce) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9"), time_in_force=force))
        assert order.state in (OrderState.EXPIRED, OrderState.CANCELED)  # venues use both words
        assert (order.filled_quantity, _held(bench)["USDT"]) == (ZERO, (D(5_000), ZERO))
        _all_agree(bench)

    def test_b19_a_part_shrinks_the_promise_and_counts_after_a_cancel(self, bench: Any) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        before = _held(bench)["USDT"][1]
        bench.take(order, D("0.004"))
        order = _settled(bench, order)
        assert (order.state, order.filled_quantity) == (OrderState.PARTIALLY_FILLED, D("0.004"))
        assert _held(bench)["USDT"][1] == order.reserved < before
        order = _canceled(bench, order)
        assert (order.state, order.filled_quantity, order.reserved) == (OrderState.CANCELED, D("0.004"), ZERO)
        assert _held(bench)["USDT"][1] == ZERO
        _all_agree(bench)

    def test_b20_a_cancel_that_loses_the_race_ends_filled(self, bench: Any) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        with bench.cancel_loses():
            order = _canceled(bench, order)
        assert (order.state, order.filled_quantity) == (OrderState.FILLED, D("0.01"))
        _all_agree(bench)

    def test_b21_a_cancel_without_an_answer_is_asked_about(self, bench: Any) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        with bench.unanswered_cancel():
            order = _canceled(bench, order)
        assert (order.state, order.code) == (OrderState.CANCELED, "CANCELED_BY_OWNER")
        assert _held(bench)["USDT"] == (D(5_000), ZERO)
        _all_agree(bench)

    def test_b22_a_maker_that_would_cross_is_refused(self, bench: Bench) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("1.05"), post_only=True))
        assert order.state in (OrderState.REJECTED, OrderState.CANCELED, OrderState.EXPIRED)  # venues differ
        assert (bool(order.code), order.filled_quantity) == (True, ZERO)
        assert _held(bench)["USDT"] == (D(5_000), ZERO)

    def test_b23_a_stop_sells_when_its_price_comes_and_once(self, bench: Bench) -> None:
        _done(bench, Side.BUY, "0.01")
        stop = OrderTerms(kind=OrderKind.STOP, trigger_price=bench.at("0.95"))
        order = _asked(bench, Side.SELL, "0.009", stop)
        # (On margin an exit promises nothing: it closes what is held when its price comes.)
        promised = ZERO if order.instrument.is_perpetual else D("0.009")
        assert (order.state, _promised(bench)) == (OrderState.OPEN, promised)
        for _ in range(2):
            bench.move("0.94")
            bench.execute()
        order = _settled(bench, order)
        assert (order.state, order.filled_quantity) == (OrderState.FILLED, D("0.009"))
        assert _promised(bench) == ZERO
        _all_agree(bench)

    def test_b24_what_waits_here_is_not_at_the_far_side(self, bench: Bench) -> None:
        stop = OrderTerms(kind=OrderKind.STOP, trigger_price=bench.at("1.1"))
        order = _asked(bench, Side.BUY, "0.01", stop)
        assert (order.state, order.is_at_venue, bench.at_venue()) == (OrderState.OPEN, False, 0)
        assert _canceled(bench, order).state == OrderState.CANCELED
        assert (bench.at_venue(), _held(bench)["USDT"]) == (0, (D(5_000), ZERO))

    def test_b25_a_changed_limit_is_canceled_and_sent_anew(self, bench: Any) -> None:
        order = _asked(bench, Side.BUY, "0.01", _limit(bench.at("0.9")))
        with bench.unanswered_cancel():
            changed = modify_order(actor=bench.portfolio.owner, order=order, limit_price=bench.at("0.8"))
            bench.execute()
        bench.execute()
        order, changed = _settled(bench, order), _settled(bench, changed)
        assert (order.state, order.code, changed.state) == (OrderState.CANCELED, "REPLACED", OrderState.OPEN)
        assert (bench.at_venue(), bench.alive()) == (2, 1)
        assert _held(bench)["USDT"][1] == changed.reserved
        _all_agree(bench)


def _promised(bench: Bench) -> Decimal:
    """Return how many coins orders have promised."""
    return _held(bench).get("BTC", (ZERO, ZERO))[1]


def _limit(price: Decimal, **more: Any) -> OrderTerms:
    return OrderTerms(kind=OrderKind.LIMIT, limit_price=price, **more)


def _asked(bench: Bench, side: Side, quantity: str, terms: OrderTerms) -> Order:
    order = bench.place(side, D(quantity), terms)
    bench.execute()
    return _settled(bench, order)


def _canceled(bench: Bench, order: Order) -> Order:
    cancel_order(actor=bench.portfolio.owner, order=order)
    bench.execute()
    return _settled(bench, order)


def _settled(bench: Bench, order: Order) -> Order:
    bench.settle()
    return _read(order)


def _done(bench: Bench, side: Side, quantity: str, *, is_settled: bool = True) -> Order:
    order = bench.place(side, D(quantity))
    bench.execute()
    if is_settled:
        bench.settle()
    order.refresh_from_db()
    return order


def _found_after(bench: Any, fault: AbstractContextManager[None]) -> None:
    """Send under a fault that eats the answer: nothing is known, nothing is lost, and nothing is sent again."""
    order = bench.claimed(Side.BUY, D("0.01"))
    with fault:
        [result] = bench.broker.submit([order])
    assert (result.outcome, result.fills) == (Outcome.UNKNOWN, ())
    record_results([result])
    order.refresh_from_db()
    assert order.state == OrderState.UNKNOWN
    record_results(bench.patiently(lambda: bench.broker.query([_read(order)])))
    order.refresh_from_db()
    assert (order.state, order.filled_quantity, bench.at_venue()) == (OrderState.FILLED, D("0.01"), 1)
    bench.settle()
    _all_agree(bench)


def _read(order: Order) -> Order:
    """Return an order as brokers get it: with all that they look at."""
    return Order.objects.select_related("portfolio", "instrument__market", "instrument__exchange").get(pk=order.pk)


def _held(bench: Bench) -> dict[str, tuple[Decimal, Decimal]]:
    rows = Balance.objects.filter(portfolio=bench.portfolio)
    return {row.asset_id: (row.amount, row.reserved) for row in rows}


def _all_agree(bench: Bench) -> None:
    assert failed_checks() == {}
    assert bench.agrees()


def claimed(bench: Bench, side: Side, quantity: Decimal) -> Order:
    """Store an order and claim it, so that its caller may send it as it likes."""
    [order] = claim_orders(Order.objects.filter(pk=bench.place(side, quantity).pk))
    assert order.state == OrderState.SUBMITTING
    return order


Results = Callable[[], list[OrderResult]]
