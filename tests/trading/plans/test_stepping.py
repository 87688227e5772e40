"""Plans driven by prices, by the clock and by fills: each wish is one order, whoever dies when and however many look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification, User
from accounts.registry import describe
from engine.plans.kinds import PlanKind
from portfolios.services.cash import deposit
from tests.fixtures_trading import everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, dying_at
from tests.fixtures_wishes import Planning
from trading.models import CauseKind, Order, OrderState, SafetyLevel, ScopeKind
from trading.plans.book import PlanBook
from trading.plans.models import Plan
from trading.plans.selectors import standings
from trading.plans.services.managing import pause_plan, resume_plan
from trading.plans.services.stepping import step_plan
from trading.plans.words import reason_of
from trading.services.changing import cancel_order
from trading.services.closing import close_position
from trading.services.execution import claim_orders, execute_wishes
from trading.services.safety import halt_platform, resume_platform, set_safety
from trading.services.sweeping import sweep
from trading.trigger_engine import TriggerEngine

K, D = PlanKind, Decimal


def stored() -> dict[str, object]:
    """Return everything that is stored, plans included."""
    return everything_stored() | {"plans": list(Plan.objects.order_by("pk").values())}


# --- each kind to its end -------------------------------------------------------------------------------------------
def test_dca_buys_at_its_times_by_the_markets_clock(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    planning.later(110, minutes=59)
    assert planning.orders(plan) == ["0 BUY 1@market FILLED"]
    planning.later(110, minutes=1)
    planning.later(50, hours=5)
    assert planning.orders(plan) == [
        "0 BUY 1@market FILLED",
        "1 BUY 0.909@market FILLED",
        "2 BUY 2@market FILLED",
    ]
    assert planning.told(plan) == ("DONE", "", "3.909", "299.99")
    planning.later(50, hours=5)
    assert Order.objects.filter(plan=plan).count() == 3
    assert failed_checks() == {}


def test_a_grid_turns_its_rungs_round(planning: Planning) -> None:
    plan = planning.begin(K.GRID)
    assert planning.told(plan) == ("RUNNING", "", "2", "200")
    planning.price(106, 94)
    assert planning.orders(plan) == [
        "0-0-buy BUY 1@90 OPEN",
        "1-0-buy BUY 1@95 FILLED",
        "1-0-sell SELL 1@100 OPEN",
        "2-0-sell SELL 1@105 FILLED",
        "2-1-buy BUY 1@100 FILLED",
        "2-1-sell SELL 1@105 OPEN",
        "3-0-sell SELL 1@110 OPEN",
        "start BUY 2@market FILLED",
    ]
    # Sold one for 105 that cost 100.
    assert plain(planning.again(plan).realized_pnl) == "5"
    (standing,) = standings([planning.again(plan)])
    assert [standing.invested, standing.unrealized, standing.profit] == [D(295), D(-13), D(-8)]
    assert failed_checks() == {}


def test_a_martingale_moves_its_exit_to_the_new_average_and_ends_flat(planning: Planning) -> None:
    plan = planning.begin(K.MARTINGALE, cycles="1")
    planning.price(95)
    assert planning.orders(plan) == [
        "0-buy-0 BUY 1@market FILLED",
        "0-buy-1 BUY 2@95 FILLED",
        "0-buy-2 BUY 4@90.25 OPEN",
        "0-sell-1 SELL 1@101 CANCELED",
        "0-sell-2 SELL 3@97.64 OPEN",
    ]
    planning.price(98)
    assert planning.told(plan) == ("DONE", "", "0", "0")
    assert "0-buy-2 BUY 4@90.25 CANCELED" in planning.orders(plan)
    assert planning.waiting.promised() == {}
    assert failed_checks() == {}


def test_a_martingale_never_goes_beyond_its_steps_and_its_money(planning: Planning) -> None:
    plan = planning.begin(K.MARTINGALE, most_steps="3", most_spent="400")
    planning.price(90, 80, 50, 10)
    # 100 and 190; the third would cost 361 more.
    assert planning.told(plan) == ("RUNNING", "", "3", "290")


def test_twap_and_iceberg_send_slice_after_slice(planning: Planning) -> None:
    twap, iceberg = planning.begin(K.TWAP), planning.begin(K.ICEBERG)
    for _ in range(3):
        planning.later(100, minutes=1)
    assert planning.orders(twap) == [f"{number} BUY 1@market FILLED" for number in range(4)]
    planning.price(95, 99, 94, 99)
    assert planning.orders(iceberg) == ["0 BUY 2@95 FILLED", "1 BUY 2@95 FILLED", "2 BUY 1@95 FILLED"]
    assert [planning.told(one)[0] for one in (twap, iceberg)] == ["DONE", "DONE"]


def test_what_a_limited_twap_missed_moves_into_its_next_slice(planning: Planning) -> None:
    plan = planning.begin(K.TWAP, limit_price="95")
    planning.later(100, minutes=1)
    assert planning.orders(plan) == ["0 BUY 1@95 CANCELED", "1 BUY 2@95 OPEN"]
    planning.price(95)
    for _ in range(3):
        planning.later(100, minutes=1)
    assert planning.orders(plan)[1:] == ["1 BUY 2@95 FILLED", "2 BUY 1@95 CANCELED", "3 BUY 2@95 CANCELED"]
    assert planning.told(plan) == ("DONE", "", "2", "190")


def test_a_scheduled_order_waits_for_its_time_and_is_done_when_it_has_filled(planning: Planning) -> None:
    plan = planning.begin(K.SCHEDULED, limit_price="90")
    planning.later(80, minutes=14)
    assert planning.orders(plan) == []
    planning.later(95, minutes=1)
    assert (planning.orders(plan), planning.told(plan)[0]) == (["0 BUY 1@90 OPEN"], "RUNNING")
    planning.price(90)
    assert planning.told(plan) == ("DONE", "", "1", "90")


def test_a_sale_in_slices_holds_what_it_sold_as_less_than_nothing(planning: Planning) -> None:
    planning.pit.buy(5)
    plan = planning.begin(K.ICEBERG, side="SELL", limit_price="105")
    # Each slice after the first meets a market that stands above its limit.
    planning.price(106, 107, 108)
    assert planning.told(plan) == ("DONE", "", "-5", "-528")
    (standing,) = standings([planning.again(plan)])
    assert [standing.invested, standing.profit] == [D(0), D(0)]


# --- orders that do not go as wished --------------------------------------------------------------------------------
def test_a_purchase_that_money_does_not_reach_pauses_the_plan_and_says_why(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.DCA, amount="6000")
    planning.later(100, hours=1)
    assert planning.told(plan) == ("PAUSED", "INSUFFICIENT_BALANCE", "60", "6000")
    words = "The free balance does not cover this order with its fee; enter a smaller quantity."
    assert reason_of(planning.again(plan)) == words
    note = Notification.objects.get(user=alice, event="plan.paused")
    told = describe(note.event, note.context)
    assert (told.title, told.url) == ("A plan has paused: DCA, BTC-USDT", f"/plans/{plan.pk}/")
    assert told.body.startswith(words)
    planning.later(100, hours=3)
    assert len(planning.orders(plan)) == 2
    deposit(actor=alice, portfolio=planning.pit.lead, amount=D(10_000))
    planning.resume(plan)
    # What was denied first, then the time that is due.
    assert planning.orders(plan) == [
        "0 BUY 60@market FILLED",
        "1 BUY 60@market DENIED",
        "1 BUY 60@market FILLED",
        "2 BUY 60@market FILLED",
    ]
    assert planning.told(plan) == ("DONE", "", "180", "18000")


def test_a_halt_stops_what_opens_and_lets_exits_pass(planning: Planning, operator: User) -> None:
    plan = planning.begin(K.MARTINGALE)
    with planning.pit.working():
        halt_platform(actor=operator, reason="A drill.")
    planning.settle()
    assert planning.told(plan)[:2] == ("PAUSED", "TRADING_HALTED")
    assert planning.orders(plan) == [
        "0-buy-0 BUY 1@market FILLED",
        "0-buy-1 BUY 2@95 CANCELED",
        "0-sell-1 SELL 1@101 OPEN",
    ]
    planning.price(102)
    # The exit has filled; the next cycle's purchase is kept back.
    assert planning.told(plan) == ("PAUSED", "TRADING_HALTED", "0", "0")
    assert [one["key"] for one in planning.again(plan).withheld] == ["1-buy-0"]
    resume_platform(actor=operator)
    planning.resume(plan)
    assert planning.told(plan) == ("RUNNING", "", "1", "102")


def test_a_reduced_portfolio_pauses_a_plan_at_its_next_purchase(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.DCA)
    facts = {"scope_id": str(plan.portfolio_id), "level": SafetyLevel.REDUCING, "reason": ""}
    set_safety(actor=alice, scope=ScopeKind.PORTFOLIO, **facts)  # type: ignore[arg-type]  # facts of several types
    planning.later(100, hours=1)
    assert planning.told(plan)[:2] == ("PAUSED", "TRADING_REDUCING")


def test_an_order_that_its_owner_cancels_pauses_the_plan_and_comes_back_with_its_rest(
    planning: Planning, alice: User
) -> None:
    plan = planning.begin(K.ICEBERG)
    with planning.pit.working():
        cancel_order(actor=alice, order=Order.objects.get(plan=plan))
    planning.settle()
    assert planning.told(plan)[:2] == ("PAUSED", "CANCELED_BY_OWNER")
    planning.resume(plan)
    assert planning.orders(plan) == ["0 BUY 2@95 CANCELED", "0 BUY 2@95 OPEN"]
    planning.price(95, 95, 95, 95)
    assert planning.told(plan)[0] == "DONE"


def test_an_exit_of_the_whole_position_pauses_the_plan_whose_sales_gave_way(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.GRID)
    with planning.pit.working():
        close_position(actor=alice, portfolio=planning.pit.lead, instrument=planning.pit.instrument)
    planning.settle()
    assert planning.told(plan)[:2] == ("PAUSED", "SUPERSEDED_BY_EXIT")
    assert not Order.objects.filter(plan=plan, state=OrderState.OPEN).exists()
    assert failed_checks() == {}


# --- nothing twice, nothing half ------------------------------------------------------------------------------------
def test_several_engines_and_restarts_place_nothing_twice(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    engines = [TriggerEngine(plan.namespace) for _ in range(3)]
    for engine in engines:
        engine.refresh()
    planning.pit.desk.at = plan.due_at or planning.pit.desk.at
    planning.pit.price(100)
    with planning.pit.working():
        for engine in engines:
            engine.on_prices({planning.pit.instrument.pk: D(100)}, planning.pit.desk.at)
    for _ in range(2):
        planning.waiting.restart()
        planning.settle()
    assert planning.orders(plan) == ["0 BUY 1@market FILLED", "1 BUY 1@market FILLED"]


def test_a_step_of_a_plan_that_has_moved_on_does_nothing(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    planning.later(100, hours=1)
    before = stored()
    assert step_plan(plan_id=plan.pk, change=plan.change)
    assert stored() == before


def test_a_step_that_was_due_before_a_pause_is_not_taken_after_it(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.DCA)
    planning.pit.desk.at = plan.due_at or planning.pit.desk.at
    planning.pit.price(100)
    pause_plan(actor=alice, plan=plan)
    resume_plan(actor=alice, plan=plan)
    before = stored()
    assert step_plan(plan_id=plan.pk, change=plan.change)
    assert stored() == before


@pytest.mark.parametrize("kind", [K.DCA, K.TWAP, K.GRID, K.MARTINGALE])
def test_an_engine_killed_at_any_statement_of_a_step_leaves_all_or_nothing(planning: Planning, kind: PlanKind) -> None:
    """The step of a clock (with a slice to take back), and the step of fills (with an exit to move)."""
    limit: dict[str, Any] = {"limit_price": "95"} if kind == K.TWAP else {}
    plan = planning.begin(kind, **limit)
    if plan.due_at is not None:
        planning.pit.desk.at = plan.due_at
        planning.pit.price(100)
    else:
        planning.waiting.price(94)
    seen = planning.again(plan)
    assert seen.has_news == (plan.due_at is None)
    before, deaths = stored(), 0
    while True:
        with dying_at(deaths):
            try:
                step_plan(plan_id=plan.pk, change=seen.change)
                break
            except Died:
                pass
        assert stored() == before
        deaths += 1
    assert deaths > 5
    after = stored()
    assert after != before
    assert step_plan(plan_id=plan.pk, change=seen.change)
    assert stored() == after
    # Nobody was told of its orders; the sweeper finds them.
    with planning.pit.working():
        sweep(older_than_seconds=0)
    planning.settle()
    assert failed_checks() == {}


def test_the_database_takes_one_order_per_wish(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    order = Order.objects.get(plan=plan)
    assert (order.cause_kind, order.cause_id) == (CauseKind.PLAN, f"{plan.pk}:0")
    order.pk, order.client_order_id, order.cause_id = plan.pk, "f" * 32, "other"
    with pytest.raises(IntegrityError), transaction.atomic():
        order.save(force_insert=True)


def test_a_lost_task_is_found_and_nothing_is_sent_twice(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    planning.pit.desk.at = plan.due_at or planning.pit.desk.at
    planning.pit.price(100)
    # The step is stored, its task is lost.
    assert step_plan(plan_id=plan.pk, change=plan.change)
    assert planning.orders(plan)[1] == "1 BUY 1@market PENDING"
    with planning.pit.working():
        assert [execute_wishes(plan_id=plan.pk), execute_wishes(plan_id=plan.pk)] == [1, 0]
    planning.settle()
    assert planning.told(plan) == ("RUNNING", "", "2", "200")


def test_a_limit_on_its_way_holds_a_step_up_until_it_is_answered(planning: Planning) -> None:
    plan = planning.begin(K.TWAP, limit_price="95")
    planning.pit.desk.at = plan.due_at or planning.pit.desk.at
    planning.pit.price(100)
    step_plan(plan_id=plan.pk, change=plan.change)
    claim_orders(Order.objects.filter(plan=plan))
    seen = planning.again(plan)
    planning.pit.desk.at = seen.due_at or planning.pit.desk.at
    planning.pit.price(100)
    before = stored()
    assert not step_plan(plan_id=plan.pk, change=seen.change)
    assert stored() == before


def test_a_tick_that_concerns_no_plan_costs_no_query(planning: Planning) -> None:
    planning.begin(K.DCA), planning.begin(K.GRID)
    book = PlanBook(planning.pit.desk.namespace)
    book.refresh()
    assert len(book) == 2
    with CaptureQueriesContext(connection) as queries:
        assert book.step(planning.pit.desk.at, [], [planning.pit.instrument.pk]) == 0
    assert len(queries) == 0


def test_what_breaks_in_one_step_keeps_no_other_from_its_turn(planning: Planning) -> None:
    broken, fine = planning.begin(K.DCA), planning.begin(K.DCA, amount="200")
    Plan.objects.filter(pk=broken.pk).update(memory={"odd": 1})
    planning.pit.desk.at = fine.due_at or planning.pit.desk.at
    planning.pit.price(100)
    book = PlanBook(planning.pit.desk.namespace)
    book.refresh()
    failures: list[Exception] = []
    with planning.pit.working():
        assert book.step(planning.pit.desk.at, failures) == 1
    assert len(failures) == 1
    assert planning.orders(fine)[1] == "1 BUY 2@market FILLED"
    # A tick does not try it again, a look does.
    assert book.step(planning.pit.desk.at, failures, [planning.pit.instrument.pk]) == 0
    assert len(failures) == 1
    book.step(planning.pit.desk.at, failures)
    assert len(failures) == 2
