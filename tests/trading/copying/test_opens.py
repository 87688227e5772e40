"""Opens by the letter of rules 3-15, 17, 25 and 32, from a lead's fill to the follower's row and aim."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from accounts.models import User
from common.clock import set_market_time
from common.errors import DomainError
from markets.boards import put_books
from markets.gateway.protocol import Level, OrderBook
from markets.models import Exchange, SourceKind
from portfolios.services.cash import deposit
from tests.fixtures_trading import UNGUARDED, Pit, failed_checks, plain
from trading import tasks
from trading.codes import explain
from trading.models import CauseKind, Follow, FollowCommand, FollowPosition, LeadEvent, Leg, Order, OrderState, Side
from trading.services.copy_settings import change_settings, proposed_guards
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending

D = Decimal
FILLED, DENIED, CANCELED = OrderState.FILLED, OrderState.DENIED, OrderState.CANCELED


def aim(follow: Follow) -> FollowPosition:
    return FollowPosition.objects.get(follow=follow)


def last(follow: Follow) -> tuple[str, str, str]:
    """Return (state, filled quantity, code) of a follow's newest order."""
    order = Order.objects.filter(follow=follow).latest("pk")
    return order.state, plain(order.filled_quantity), order.code


def words(follow: Follow) -> str:
    order = (
        Order.objects.filter(follow=follow).select_related("instrument__exchange", "instrument__market").latest("pk")
    )
    return explain(order.code, order)


# --- gaps -----------------------------------------------------------------------------------------------------------
def test_rule_03_a_gap_freezes_opens_and_asks_for_a_comparison_once(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    pit.fan_out(Side.BUY, 1)
    LeadEvent.objects.filter(seq__gte=2).update(seq=D(5))
    Order.objects.filter(follow=follow, state="PENDING").delete()
    Follow.objects.filter(pk=follow.pk).update(last_seq=1)
    LeadEvent.objects.filter(seq=5).update(state="WAITING", cursor="")
    assert fan_out_batch(lead_id=pit.lead.pk)
    assert last(follow) == (DENIED, "0", "FOLLOW_FROZEN")
    follow.refresh_from_db()
    assert (follow.frozen_at, follow.last_seq) == (pit.desk.at, 5)
    assert [(one.kind, one.is_done) for one in FollowCommand.objects.filter(follow=follow)] == [("RESYNC", False)]
    with pit.working():
        tasks.run_follow_command(FollowCommand.objects.get().pk)
    follow.refresh_from_db()
    assert (follow.frozen_at, FollowCommand.objects.get().is_done) == (None, True)


# --- modes ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "quantity"),
    [
        # 4 of the lead's 10,000 at 100: 4 % of its worth.
        ({}, "0.4"),
        ({"multiplier": "2.5"}, "1"),
        ({"sizing": "MARGIN_RATIO"}, "0.4"),
        ({"sizing": "FIXED_AMOUNT", "fixed_amount": "77.77"}, "0.777"),
        ({"sizing": "FIXED_MULTIPLE", "fixed_multiple": "0.333"}, "1.332"),
        ({"sizing": "WEIGHTS"}, "0.4"),
    ],
)
def test_rules_04_to_08_each_mode_sizes_an_open(pit: Pit, bob: User, settings: dict[str, Any], quantity: str) -> None:
    follow = pit.follow(bob, **settings)
    pit.buy(4)
    assert (pit.held(follow), plain(aim(follow).target)) == (quantity, quantity)
    pit.sell(2)
    half = plain((D(quantity) / 2).quantize(D("0.001"), "ROUND_DOWN"))
    assert D(pit.held(follow)) == D(quantity) - D(half) == aim(follow).target
    pit.sell(2)
    assert (pit.held(follow), plain(aim(follow).target), failed_checks()) == ("0", "0", {})


def test_rule_05_the_margin_of_each_order_counts_anew(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, sizing="MARGIN_RATIO")
    pit.buy(4)
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(1000))
    pit.buy(4)
    assert pit.held(follow) == "1.2"


def test_rule_10_a_limit_lies_on_the_tick_that_is_farther_from_the_market(pit: Pit, bob: User) -> None:
    pit.price("99.99")
    follow = pit.follow(bob)
    pit.buy(4)
    order = Order.objects.get(follow=follow)
    # 99.99 × 1.003 is 100.28997.
    assert (order.kind, order.time_in_force, plain(order.limit_price or D(0))) == ("LIMIT", "IOC", "100.28")


# --- minimums -------------------------------------------------------------------------------------------------------
def test_rule_11_what_is_too_small_waits_and_goes_with_the_next(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 100)
    pit.buy(3)
    assert last(follow) == (DENIED, "0", "KEPT_BELOW_MINIMUM")
    assert words(follow) == (
        "Skipped: 3.00 USDT is below the smallest copy of 5.25 USDT at The desk; kept for 24 h and added to the next order."
    )
    assert (plain(aim(follow).residual.quantize(LOT)), aim(follow).target) == ("0.03", 0)
    pit.buy(3)
    assert (last(follow), aim(follow).residual) == ((FILLED, "0.06", ""), 0)


LOT = D("0.001")


def test_rule_11_what_waits_shrinks_with_the_lead_and_is_forgotten_after_a_day(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 100)
    pit.buy(4)
    pit.sell(1)
    assert plain(aim(follow).residual.quantize(LOT)) == "0.03"
    pit.desk.step({pit.instrument: 100}, at=pit.desk.at + timedelta(hours=24))
    pit.buy(4)
    assert (last(follow), plain(aim(follow).residual.quantize(LOT))) == ((DENIED, "0", "KEPT_BELOW_MINIMUM"), "0.04")


def test_rule_11_a_small_reduction_waits_and_goes_with_the_next(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, 1000)
    pit.buy(4)
    pit.sell("0.4")
    assert last(follow) == (DENIED, "0", "KEPT_BELOW_MINIMUM")
    assert (pit.held(follow), plain(aim(follow).target)) == ("0.4", "0.36")
    pit.sell("0.4")
    # A tenth, and a ninth of what is left, are a fifth.
    assert (pit.held(follow), last(follow)[:2], aim(follow).residual) == ("0.32", (FILLED, "0.08"), 0)


def test_rule_11_rounding_up_is_off_until_it_is_turned_on_and_then_up_to_two_per_cent(
    pit: Pit, bob: User, charlie: User
) -> None:
    small, large = pit.follow(bob, 100, round_up=True), pit.follow(charlie, 265, "0.1", round_up=True)
    pit.buy(3)
    # 5.30 are 2 % of 265, and more than that of 100.
    assert (last(small), last(large)) == ((DENIED, "0", "KEPT_BELOW_MINIMUM"), (FILLED, "0.053", ""))


def test_rule_12_dust_is_merged_into_the_next_opening(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    FollowPosition.objects.filter(follow=follow).update(target=D(0))
    pit.price(10)  # what is held is worth 4 USDT: dust
    lead = D(9640)
    pit.buy(40)
    wished = (40 * (D(964) / lead)).quantize(LOT, "ROUND_DOWN")
    assert (D(pit.held(follow)), aim(follow).target) == (wished, wished)


# --- price and time -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cap", "price", "state"), [(None, "100.3", FILLED), (None, "100.31", CANCELED), ("0.01", 101, FILLED)]
)
def test_rule_14_an_open_is_had_within_the_cap_or_missed(
    pit: Pit, bob: User, cap: str | None, price: str | int, state: str
) -> None:
    follow = pit.follow(bob, price_cap=cap)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    pit.price(price)
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert last(follow)[0] == state
    got = aim(follow)
    if state == FILLED:
        assert (pit.held(follow), got.missed, got.missed_events) == ("0.4", 0, 0)
        return
    assert (last(follow)[2], plain(got.missed), got.missed_events, got.target) == ("MISSED_PRICE_CAP", "0.4", 1, 0)
    assert words(follow) == (
        "Missed: the market was beyond 100.3 USDT, as far as your price cap lets a copy of this trade go."
    )
    # It is never chased.
    pit.price(100)
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
        tasks.sweep()
    assert (pit.held(follow), failed_checks()) == ("0", {})


HAD, TOO_OLD = (FILLED, "0.4", ""), (DENIED, "0", "MISSED_TOO_OLD")


@pytest.mark.parametrize(
    ("kind", "seconds", "by_the_wall", "expected"),
    [
        (SourceKind.REAL, 5, 0, HAD),
        (SourceKind.REAL, 6, 0, TOO_OLD),
        # A market that runs sixty times as fast: the younger age counts.
        (SourceKind.SIMULATED, 60, 4, HAD),
        (SourceKind.SIMULATED, 60, 6, TOO_OLD),
        (SourceKind.SIMULATED, 5, 60, HAD),
    ],
)
def test_rule_15_an_open_needs_a_young_event(
    pit: Pit, bob: User, kind: SourceKind, seconds: int, by_the_wall: int, expected: tuple[str, str, str]
) -> None:
    follow = pit.follow(bob)
    Exchange.objects.update(source_kind=kind)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    set_market_time(pit.desk.namespace, pit.desk.at + timedelta(seconds=seconds))
    LeadEvent.objects.update(recorded_at=F("recorded_at") - timedelta(seconds=by_the_wall))
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert last(follow) == expected
    assert aim(follow).missed_events == (1 if expected[2] else 0)


@pytest.mark.parametrize(("ask", "expected"), [("100.5", FILLED), ("100.6", DENIED)])
def test_rule_15_an_open_needs_a_narrow_spread(pit: Pit, bob: User, ask: str, expected: str) -> None:
    follow = pit.follow(bob)
    order = pit.place(Side.BUY, 4)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    book = OrderBook("BTC-USDT", pit.desk.at, (Level(D(100), D(9)),), (Level(D(ask), D(9)),), 1)
    put_books(pit.desk.exchange.code, {pit.instrument.pk: book})
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert last(follow)[0] == expected


def test_rules_15_and_25_lists_are_by_symbol(pit: Pit, bob: User, charlie: User) -> None:
    denied, other = pit.follow(bob, denied=["BTC-USDT"]), pit.follow(charlie, allowed=["ETH-USDT"])
    pit.buy(4)
    assert (last(denied)[2], last(other)[2]) == ("SYMBOL_DENIED", "SYMBOL_NOT_ALLOWED")
    assert (aim(denied).missed_events, aim(denied).target) == (0, 0)


def test_rule_17_every_follower_has_a_row_whose_place_is_drawn_for_the_event(pit: Pit) -> None:
    follows = pit.crowd(12)
    pit.buy(4)
    pit.buy(4)
    first, second = (
        list(Order.objects.filter(seq=seq).order_by("pk").values_list("follow_id", flat=True).exclude(follow=None))
        for seq in (1, 2)
    )
    assert sorted(first) == sorted(second) == sorted(one.pk for one in follows)
    assert first != second


# --- guards ---------------------------------------------------------------------------------------------------------
def test_rule_25_one_order_and_one_instrument_are_cut(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(30)
    assert (last(follow), plain(aim(follow).target)) == ((FILLED, "2", "CLIPPED_ORDER_SHARE"), "2")
    pit.buy(15)
    assert (last(follow), plain(aim(follow).target)) == ((FILLED, "1", "CLIPPED_INSTRUMENT_SHARE"), "3")
    # Less than the smallest order is left: denied with what cut it.
    pit.buy(5)
    assert (last(follow), plain(aim(follow).target)) == ((DENIED, "0", "CLIPPED_INSTRUMENT_SHARE"), "3")
    pit.sell(25)
    assert (pit.held(follow), failed_checks()) == ("1.5", {})


def test_rule_25_a_day_has_so_many_copies(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, max_orders_per_day="2")
    for _ in range(3):
        pit.buy(1)
    assert [row[4] for row in pit.orders(follow)] == ["", "", "COPIES_OF_DAY_USED"]
    pit.desk.step({pit.instrument: 100}, at=pit.desk.at + timedelta(hours=12))
    pit.buy(1)
    assert last(follow)[0] == FILLED


def test_rule_25_so_many_positions(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, max_positions="1")
    pit.buy(4)
    pit.instrument = pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10)
    pit.buy(40)
    assert last(follow)[2] == "COPIED_POSITIONS_FULL"


def test_rule_25_guards_are_proposed_from_what_the_lead_has_done(pit: Pit, bob: User) -> None:
    assert proposed_guards(pit.lead) == {}
    pit.buy(45)
    assert proposed_guards(pit.lead) == {"max_order_share": D("0.45"), "max_instrument_share": D("0.45")}
    assert proposed_guards(pit.lead, D(3)) == {"max_order_share": D(1), "max_instrument_share": D(1)}
    follow = pit.follow(bob)
    assert follow.settings == {"max_instrument_share": "0.45", "max_order_share": "0.45"}
    assert pit.follow(bob.__class__.objects.create_user("dora@example.org"), **UNGUARDED).settings == UNGUARDED


# --- settings -------------------------------------------------------------------------------------------------------
def test_rule_32_changed_settings_touch_new_positions_only(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    change_settings(actor=bob, follow=follow, settings={"multiplier": "2", "price_cap": "0.02"})
    pit.buy(4)
    assert pit.held(follow) == "0.8"
    assert plain(Order.objects.filter(follow=follow).latest("pk").limit_price or D(0)) == "100.3"
    pit.sell(8)
    pit.buy(4)
    assert pit.held(follow) == "0.8"
    assert plain(Order.objects.filter(follow=follow).latest("pk").limit_price or D(0)) == "102"


def test_settings_that_cannot_be_change_nothing(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, multiplier="2")
    with pytest.raises(DomainError) as refusal:
        change_settings(actor=bob, follow=follow, settings={"max_spread": "0.9"})
    assert (refusal.value.code, refusal.value.context) == ("SETTING_INVALID", {"field": "max_spread"})
    follow.refresh_from_db()
    assert follow.settings == {"multiplier": "2"}


def test_an_event_that_a_follow_has_seen_makes_no_row(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    LeadEvent.objects.update(state="WAITING", cursor="")
    Follow.objects.filter(pk=follow.pk).update(last_seq=7)
    assert fan_out_batch(lead_id=pit.lead.pk)
    assert Order.objects.filter(follow=follow, cause_kind=CauseKind.LEAD_EVENT, leg=Leg.OPEN).count() == 1


def test_rule_04_what_the_lead_opens_while_an_exit_of_everything_is_under_way_is_a_new_position(
    pit: Pit, bob: User
) -> None:
    follow = pit.follow(bob, max_order_share="0.3")
    pit.buy(30)
    assert pit.held(follow) == "3"
    closing = pit.fan_out(Side.SELL, 30)
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(1_000))
    opening = pit.fan_out(Side.BUY, 30)
    for cause in (closing, opening):
        execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause)
    assert pit.orders(follow)[1:] == [("SELL", "CLOSE", "FILLED", "3", ""), ("BUY", "OPEN", "FILLED", "6", "")]
    assert (plain(aim(follow).target), plain(aim(follow).ratio), failed_checks()) == ("6", "0.2", {})
