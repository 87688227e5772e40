"""Copies of one follow and instrument run in the order of the lead's events, and reductions take their part of what is held."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolios.models import Portfolio
from tests.fixtures_trading import Pit, failed_checks, plain
from trading import tasks
from trading.brokers.paper import PaperBroker
from trading.models import CauseKind, Follow, FollowPosition, Leg, Order, OrderEvent, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.reconciliation import resolve_abandoned

D = Decimal
FILLED = OrderState.FILLED


def aim(follow: Follow) -> tuple[str, str, int]:
    """Return a follow's ratio, target and the number of the last event that it has its row for."""
    row = FollowPosition.objects.get(follow=follow)
    return plain(row.ratio), plain(row.target), row.last_seq


def execute(cause_id: str) -> int:
    return execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause_id)


# --- in order -------------------------------------------------------------------------------------------------------
def test_one_order_of_a_follow_and_instrument_is_under_way_at_a_time(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    first, second = pit.fan_out(Side.BUY, 4), pit.fan_out(Side.BUY, 1)
    # An earlier one waits to be sent; then it is under way.
    assert execute(second) == 0
    [order] = claim_orders(Order.objects.filter(cause_id=first))
    assert execute(second) == 0
    assert [row[2] for row in pit.orders(follow)] == [OrderState.SUBMITTING, OrderState.PENDING]
    record_results(PaperBroker().submit([order]))
    assert execute(second) == 1
    assert pit.held(follow) == "0.5"


def test_an_order_that_ends_wakes_the_one_that_waited_for_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    first, second = pit.fan_out(Side.BUY, 4), pit.fan_out(Side.BUY, 1)
    with pit.working():
        assert execute(second) == 0
        execute(first)
    assert [row[2] for row in pit.orders(follow)] == [FILLED, FILLED]


def test_an_order_that_is_denied_wakes_the_one_that_waited_for_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 1000)
    first, second = pit.fan_out(Side.BUY, 3), pit.fan_out(Side.BUY, 4)
    # Risk denies both when it judges them: the portfolio may not trade this.
    Portfolio.objects.filter(pk=follow.portfolio_id).update(is_restricted=True)
    with pit.working():
        assert execute(second) == 0
        execute(first)
    assert [(row[2], row[4]) for row in pit.orders(follow)] == [
        (OrderState.DENIED, "INSTRUMENT_NOT_ALLOWED"),
        (OrderState.DENIED, "INSTRUMENT_NOT_ALLOWED"),
    ]


def test_another_instrument_does_not_wait(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.fan_out(Side.BUY, 4)
    pit.instrument = pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10)
    assert execute(pit.fan_out(Side.BUY, 10)) == 1
    assert sorted(row[2] for row in pit.orders(follow)) == [FILLED, OrderState.PENDING]


# --- reductions -----------------------------------------------------------------------------------------------------
def test_a_reduction_takes_back_opens_that_were_not_sent(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    opens = [pit.fan_out(Side.BUY, 4), pit.fan_out(Side.BUY, 2)]
    assert aim(follow)[1] == "1"
    close = pit.fan_out(Side.SELL, 5)
    assert [execute(cause) for cause in [*opens, close]] == [0, 0, 1]
    # Half of the lead's ten: half of the 0.4 that the follower really holds.
    assert pit.orders(follow)[1:] == [
        (Side.BUY, Leg.OPEN, OrderState.CANCELED, "0", "SUPERSEDED"),
        (Side.BUY, Leg.OPEN, OrderState.CANCELED, "0", "SUPERSEDED"),
        (Side.SELL, Leg.CLOSE, FILLED, "0.2", ""),
    ]
    assert (pit.held(follow), aim(follow)) == ("0.2", ("0.1", "0.2", 4))
    superseded = OrderEvent.objects.filter(state=OrderState.CANCELED)
    assert {(event.code, event.happened_at) for event in superseded} == {("SUPERSEDED", pit.desk.at)}


def test_a_reduction_waits_for_the_open_under_way_and_takes_its_part_of_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    first = pit.fan_out(Side.BUY, 4)
    claim_orders(Order.objects.filter(cause_id=first))
    close = pit.fan_out(Side.SELL, 1)
    assert execute(close) == 0
    with pit.working():
        resolve_abandoned(older_than_seconds=0)
        tasks.execute_orders(CauseKind.LEAD_EVENT, close)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, FILLED, "0.4", ""), (Side.SELL, Leg.CLOSE, FILLED, "0.1", "")]
    assert (pit.held(follow), aim(follow)[1]) == ("0.3", "0.3")


def test_reductions_before_anything_is_sent_take_their_part_of_what_the_ones_before_left(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy("4")
    first, second = pit.fan_out(Side.SELL, "3.9"), pit.fan_out(Side.SELL, "0.05")
    with pit.working():
        execute(first)
        execute(second)
    # 97.5 % of 0.4 is 0.39; half of the 0.01 that is left is worth less than the venue's minimum.
    assert pit.orders(follow)[1:] == [
        (Side.SELL, Leg.CLOSE, FILLED, "0.39", ""),
        (Side.SELL, Leg.CLOSE, OrderState.DENIED, "0", "NOTIONAL_BELOW_MINIMUM"),
    ]
    assert pit.held(follow) == "0.01"
    pit.sell("0.05")
    assert pit.held(follow) == "0"
    assert failed_checks() == {}


def test_a_part_of_a_lot_is_not_closed_and_all_of_it_is_in_the_end(pit: Pit, bob: User) -> None:
    pit.instrument.min_notional, pit.instrument.lot_step = D(0), D(1)
    pit.instrument.save()
    follow = pit.follow(bob)
    pit.buy(20)
    assert pit.held(follow) == "2"
    first, second = pit.fan_out(Side.SELL, 10), pit.fan_out(Side.SELL, 5)
    with pit.working():
        execute(first)
        execute(second)
    assert pit.orders(follow)[1:] == [
        (Side.SELL, Leg.CLOSE, FILLED, "1", ""),
        (Side.SELL, Leg.CLOSE, OrderState.DENIED, "0", "QUANTITY_BELOW_MINIMUM"),
    ]
    pit.sell(5)
    assert (pit.held(follow), aim(follow)[1]) == ("0", "0")


# --- cost -----------------------------------------------------------------------------------------------------------
def test_statements_do_not_grow_with_the_followers(pit: Pit) -> None:
    counts: dict[str, list[int]] = {"fan out": [], "execute": [], "reduce": [], "execute exits": []}

    def counted(what: str, quantity: int, side: Side) -> None:
        order = pit.place(side, quantity)
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
        with CaptureQueriesContext(connection) as statements:
            assert fan_out_batch(lead_id=pit.lead.pk)
        counts["fan out" if side == Side.BUY else "reduce"].append(len(statements))
        with CaptureQueriesContext(connection) as statements:
            done = execute(str(pit.event().pk))
        assert done == Follow.objects.count()
        counts["execute" if side == Side.BUY else "execute exits"].append(len(statements))

    for size in (10, 190):
        pit.crowd(size)
        pit.buy(1)  # every follower's rows are there from now on
        counted("fan out", 2, Side.BUY)
        counted("reduce", 1, Side.SELL)
        pit.sell(2)
    assert {len(set(found)) for found in counts.values()} == {1}
    assert max(found[0] for found in counts.values()) <= 40
