"""From a lead's event to one order of each follower: sized, once, in order, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from unittest.mock import Mock

import pytest

from accounts.models import User
from common.bus import bus
from common.ids import deterministic_id
from portfolios.models import Portfolio
from portfolios.services.cash import deposit, withdraw
from tests.fixtures_trading import UNGUARDED, Pit, everything_stored, failed_checks, plain
from trading import tasks
from trading.models import (
    CauseKind,
    Fill,
    Follow,
    FollowPosition,
    FollowState,
    LeadEventState,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.services import copying
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.follows import pause_follow, resume_follow

D = Decimal
FILLED = OrderState.FILLED


def aim(follow: Follow) -> tuple[str, str, int]:
    """Return a follow's ratio, target and the number of the last event that it has its row for."""
    row = FollowPosition.objects.get(follow=follow)
    return plain(row.ratio), plain(row.target), row.last_seq


def execute(cause_id: str) -> int:
    return execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause_id)


# --- sizes ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "multiplier", "quantity"),
    [
        ("1000", "1", "0.4"),
        ("2000", "0.1", "0.08"),
        ("1000", "3", "1.2"),
        ("20000", "1", "8"),
        ("333.33", "1", "0.133"),
        # 5 USDT is the venue's minimum, with its margin 5.25: 0.053 units are worth more, 0.052 less.
        ("132.5", "1", "0.053"),
    ],
)
def test_a_copy_is_the_leads_quantity_by_the_ratio_of_equities(
    pit: Pit, bob: User, amount: str, multiplier: str, quantity: str
) -> None:
    follow = pit.follow(bob, amount, multiplier)
    pit.buy(4)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, FILLED, quantity, "")]
    assert pit.held(follow) == quantity
    ratio = plain(D(amount) * D(multiplier) / 10_000)
    assert aim(follow) == (ratio, quantity, 1)
    assert failed_checks() == {}


def test_rule_18_a_copied_order_names_its_cause_and_has_the_identity_of_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    order, event = Order.objects.get(follow=follow), pit.event()
    assert (order.cause_kind, order.cause_id, order.seq) == (CauseKind.LEAD_EVENT, str(event.pk), 1)
    parts = (follow.pk, "LEAD_EVENT", event.pk, pit.instrument.pk, "OPEN", 1)
    assert order.client_order_id == deterministic_id(*parts)
    assert (order.portfolio_id, order.closed_fraction, order.created_at) == (follow.portfolio_id, None, pit.desk.at)


@pytest.mark.parametrize(
    ("amount", "code"),
    [("10", "KEPT_BELOW_MINIMUM"), ("132.4", "KEPT_BELOW_MINIMUM")],
)
def test_a_copy_below_the_minimum_is_a_row_that_says_so(pit: Pit, bob: User, amount: str, code: str) -> None:
    follow = pit.follow(bob, amount)
    pit.buy(4)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", code)]
    assert (pit.held(follow), aim(follow)[1]) == ("0", "0")


def test_a_copy_of_less_than_a_lot_is_a_row_that_says_so(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 10, "0.1")
    pit.buy("0.999")
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "KEPT_BELOW_MINIMUM")]
    assert plain(Order.objects.get(follow=follow).requested_quantity) == "0.000099900000000001"


def test_without_equity_there_is_nothing_to_size_by(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    withdraw(actor=bob, portfolio=follow.portfolio, amount=D(1000))
    pit.buy(4)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "NO_EQUITY")]


def test_a_copy_is_clipped_to_the_free_balance_and_its_aim_with_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 1000, 3, **UNGUARDED)
    pit.buy(50)
    # Its limit is 100.30, and that much may be spent on each, with a fee of 10 bps.
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, FILLED, "9.96", "CLIPPED_BALANCE")]
    assert (plain(Order.objects.get(follow=follow).requested_quantity), aim(follow)) == ("10", ("0.3", "9.96", 1))
    pit.sell(25)
    assert (pit.held(follow), aim(follow)[1]) == ("4.98", "4.98")


def test_all_followers_of_an_event_meet_one_price(pit: Pit, bob: User, charlie: User) -> None:
    pit.follow(bob)
    follow = pit.follow(charlie)
    Portfolio.objects.filter(pk=follow.portfolio_id).update(slippage_bps=D(20))
    cause = pit.fan_out(Side.BUY, 4)
    pit.price(500)
    execute(cause)
    copies = Order.objects.exclude(follow=None)
    assert {plain(order.market_price or D(0)) for order in copies} == {"100"}
    # Each with the slippage of its own.
    assert sorted(plain(order.average_price) for order in copies) == ["100", "100.2"]


# --- the ratio ------------------------------------------------------------------------------------------------------
def test_the_ratio_stays_while_the_position_is_open(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    deposit(actor=pit.alice, portfolio=pit.lead, amount=D(10_000))
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(7000))
    pit.price(110)
    pit.buy(10)
    assert (pit.held(follow), aim(follow)) == ("1.4", ("0.1", "1.4", 2))
    pit.sell(7)
    pit.buy(1)
    assert (pit.held(follow), aim(follow)) == ("0.8", ("0.1", "0.8", 4))
    pit.sell(8)
    # Flat again: the next opening is sized by what both have now.
    lead, mine = D(20_040), D(8004)
    pit.buy(1)
    assert (plain(pit.event().lead_equity), pit.held(follow)) == (plain(lead), "0.399")
    assert aim(follow)[0] == plain(round(mine / lead, 18))


def test_the_ratio_is_fixed_though_the_first_open_is_still_under_way(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    first = pit.fan_out(Side.BUY, 4)
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(9000))
    second = pit.fan_out(Side.BUY, 4)
    assert aim(follow) == ("0.1", "0.8", 2)
    with pit.working():
        execute(first)
        execute(second)
    assert pit.held(follow) == "0.8"


def test_a_denied_open_leaves_the_ratio_open(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 10)
    pit.buy(4)
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(990))
    pit.buy(4)
    # With what was too small to be sent before.
    assert (pit.held(follow), aim(follow)) == ("0.404", ("0.1", "0.404", 2))


# --- once -----------------------------------------------------------------------------------------------------------
def test_a_crowd_is_copied_with_as_many_looks_at_the_boards_as_one_follower(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Mock(wraps=bus().board_get)
    monkeypatch.setattr(bus(), "board_get", looks)

    def looks_for(quantity: str) -> int:
        looks.reset_mock()
        pit.buy(quantity)
        return looks.call_count

    pit.crowd(1)
    alone = looks_for("1")
    pit.crowd(20)
    assert looks_for("1") == alone
    assert Order.objects.filter(follow__isnull=False, state=OrderState.FILLED).count() == 22


def test_copying_again_is_a_no_op(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    before = everything_stored(), aim(follow)
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
        tasks.execute_orders(CauseKind.LEAD_EVENT, str(pit.event().pk))
    assert (everything_stored(), aim(follow)) == before


def test_an_event_that_is_copied_again_all_the_same_makes_no_second_row(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    type(pit.event()).objects.update(state=LeadEventState.WAITING, cursor="")
    with pit.working():
        fan_out_batch(lead_id=pit.lead.pk)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, FILLED, "0.4", "")]
    assert Fill.objects.filter(portfolio=follow.portfolio).count() == 1


@pytest.fixture
def small_batches() -> Iterator[None]:
    whole, copying.BATCH = copying.BATCH, 2
    yield
    copying.BATCH = whole


def test_a_batch_of_which_all_have_left_does_not_hold_up_the_next(pit: Pit, small_batches: None) -> None:
    follows = pit.crowd(6)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    event = pit.event()
    turns = sorted(follows, key=lambda follow: deterministic_id("turn", event.pk, follow.pk))
    assert fan_out_batch(lead_id=pit.lead.pk)
    Follow.objects.filter(pk__in=[one.pk for one in turns[2:4]]).update(state=FollowState.STOPPED)
    assert [fan_out_batch(lead_id=pit.lead.pk) for _ in range(3)] == [True, True, False]
    copied = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT).values_list("follow", flat=True)
    assert set(copied) == {one.pk for one in (*turns[:2], *turns[4:])}


def test_batches_take_the_followers_in_an_order_drawn_for_the_event(pit: Pit, small_batches: None) -> None:
    follows = pit.crowd(5)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    event = pit.event()
    turns = sorted(follows, key=lambda follow: deterministic_id("turn", event.pk, follow.pk))
    for done, state in [(2, "WAITING"), (4, "WAITING"), (5, "DONE")]:
        assert fan_out_batch(lead_id=pit.lead.pk)
        event.refresh_from_db()
        served = set(Order.objects.filter(cause_id=str(event.pk)).values_list("follow_id", flat=True))
        assert (served, event.state) == ({follow.pk for follow in turns[:done]}, state)
        assert event.cursor == deterministic_id("turn", event.pk, turns[done - 1].pk)
    assert not fan_out_batch(lead_id=pit.lead.pk)


def test_a_lead_whom_nobody_follows_copies_nothing(pit: Pit) -> None:
    pit.buy(4)
    assert (pit.event().state, Order.objects.count()) == (LeadEventState.DONE, 1)


# --- who is copied to -----------------------------------------------------------------------------------------------
def test_a_start_adopts_nothing_that_is_open(pit: Pit, bob: User) -> None:
    pit.buy(4)
    follow = pit.follow(bob)
    pit.sell(1)
    pit.buy(2)
    assert pit.orders(follow) == [
        (Side.SELL, Leg.CLOSE, OrderState.DENIED, "0", "NOTHING_TO_CLOSE"),
        (Side.BUY, Leg.OPEN, FILLED, "0.2", ""),
    ]


def test_an_event_before_the_start_is_not_copied_though_it_waits(pit: Pit, bob: User) -> None:
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    follow = pit.follow(bob)
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert (pit.event().state, pit.orders(follow)) == (LeadEventState.DONE, [])


def test_rule_30_a_pause_copies_exits_only(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    pause_follow(actor=bob, follow=follow)
    pit.buy(4)
    pit.sell(2)
    assert pit.orders(follow)[1:] == [
        (Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "FOLLOW_PAUSED"),
        (Side.SELL, Leg.CLOSE, FILLED, "0.1", ""),
    ]
    assert aim(follow)[1] == "0.3"
    resume_follow(actor=bob, follow=follow)
    pit.buy(1)
    assert (pit.held(follow), aim(follow)) == ("0.4", ("0.1", "0.4", 4))


@pytest.mark.parametrize("state", [FollowState.WAITING, FollowState.PENDING, FollowState.STOPPED])
def test_a_follow_that_mirrors_nothing_has_no_row(pit: Pit, bob: User, state: FollowState) -> None:
    follow = pit.follow(bob)
    Follow.objects.filter(pk=follow.pk).update(state=state)
    pit.buy(4)
    assert pit.orders(follow) == []


# --- worth ----------------------------------------------------------------------------------------------------------
def test_equity_that_rests_on_an_old_price_opens_nothing_and_exits_pass(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    ether = pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10, ether)
    bitcoin, pit.instrument = pit.instrument, ether
    pit.buy(100)
    later = pit.desk.at + timedelta(seconds=61)
    pit.instrument = bitcoin
    pit.desk.step({bitcoin: 100}, at=later)
    pit.buy(4)
    assert pit.orders(follow)[1:] == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "EQUITY_STALE")]
    assert plain(FollowPosition.objects.get(follow=follow, instrument=bitcoin).target) == "0"
    pit.instrument = ether
    pit.sell(100)
    assert pit.orders(follow)[2:] == [(Side.SELL, Leg.CLOSE, FILLED, "10", "")]
    pit.desk.step({bitcoin: 100, ether: 10}, at=later)
    pit.instrument = bitcoin
    pit.buy(4)
    assert pit.held(follow) == "0.4"
