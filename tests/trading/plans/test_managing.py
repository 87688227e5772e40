"""What owners do with plans: begin, pause, resume, stop; everything that is refused, with its code, and nothing done then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from accounts.services import erase_person
from common.errors import DomainError, NotFound
from engine.plans.kinds import PlanKind
from portfolios.models import Portfolio, PortfolioState
from tests.fixtures_desk import Desk
from tests.fixtures_trading import everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, dying_at
from tests.fixtures_wishes import SETTINGS, Planning
from trading.models import Order, OrderState
from trading.plans.models import Plan
from trading.plans.selectors import kinds_for, plan_for_user, ways
from trading.plans.services import managing
from trading.plans.services.managing import MOST_PLANS, begin_plan, pause_plan, preview_plan, resume_plan, stop_plan
from trading.services.changing import modify_order
from trading.services.execution import claim_orders
from trading.services.personal_data import export_trading

K, D = PlanKind, Decimal


def stored() -> dict[str, object]:
    return everything_stored() | {"plans": list(Plan.objects.order_by("pk").values())}


def refused(planning: Planning, kind: PlanKind, **changes: Any) -> tuple[str, int, object]:
    """Return code, status and field of a plan that must not begin, and change nothing."""
    before = stored()
    with pytest.raises(DomainError) as refusal:
        planning.begin(kind, **changes)
    assert stored() == before
    assert refusal.value.message.endswith(".")
    return refusal.value.code, refusal.value.status, refusal.value.context.get("field")


# --- the gate -------------------------------------------------------------------------------------------------------
def test_a_plan_is_its_owners_alone(planning: Planning, alice: User, bob: User, charlie: User) -> None:
    plan = planning.begin(K.DCA)
    assert plan_for_user(alice, plan.pk) == plan
    for stranger in (bob, charlie, None):
        with pytest.raises(NotFound):
            plan_for_user(stranger, plan.pk)
    with pytest.raises(NotFound):
        plan_for_user(alice, "no id")


# --- beginning ------------------------------------------------------------------------------------------------------
def test_the_same_key_begins_one_plan(planning: Planning) -> None:
    plan = planning.begin(K.DCA, key="mine")
    assert planning.begin(K.DCA, key="mine") == plan
    assert planning.begin(K.DCA, key="mine", amount="100.00") == plan
    assert refused(planning, K.DCA, key="mine", amount="101") == ("KEY_REUSED", 409, None)
    assert Plan.objects.count() == 1
    assert planning.orders(plan) == ["0 BUY 1@market FILLED"]


@pytest.mark.parametrize(
    ("kind", "changes", "code", "status", "field"),
    [
        (K.DCA, {"amount": D("NaN")}, "AMOUNT_INVALID", 400, "amount"),
        (K.DCA, {"amount": D("1e30")}, "AMOUNT_INVALID", 400, "amount"),
        (K.DCA, {"amount": D("1." + "1" * 40)}, "AMOUNT_TOO_FINE", 400, "amount"),
        (K.DCA, {"amount": "4.99"}, "NOTIONAL_BELOW_MINIMUM", 409, None),
        (K.DCA, {"amount": "0.01"}, "QUANTITY_BELOW_MINIMUM", 409, None),
        (K.DCA, {"amount": "10001"}, "INSUFFICIENT_BALANCE", 409, None),
        (K.DCA, {"quantity": "1"}, "QUANTITY_NOT_ALLOWED", 400, "quantity"),
        (K.GRID, {"lower": "110"}, "PLAN_RANGE_INVALID", 400, "lower"),
        (K.GRID, {"upper": "90.01"}, "PLAN_RUNGS_INVALID", 400, "rungs"),
        (K.GRID, {"rungs": "101"}, "RUNGS_INVALID", 400, "rungs"),
        (K.GRID, {"lower": "90.001"}, "LOWER_OFF_TICK", 400, "lower"),
        (K.GRID, {"quantity": "30"}, "INSUFFICIENT_BALANCE", 409, None),
        (K.GRID, {"quantity": "0.05"}, "NOTIONAL_BELOW_MINIMUM", 409, None),
        (K.MARTINGALE, {"most_spent": "99"}, "MOST_SPENT_TOO_SMALL", 400, "most_spent"),
        (K.MARTINGALE, {"most_steps": "11"}, "MOST_STEPS_INVALID", 400, "most_steps"),
        (K.MARTINGALE, {"factor": "0.9999"}, "FACTOR_INVALID", 400, "factor"),
        (K.MARTINGALE, {"factor": "4.0001"}, "FACTOR_INVALID", 400, "factor"),
        (K.TWAP, {"quantity": "101"}, "INSUFFICIENT_BALANCE", 409, "quantity"),
        (K.TWAP, {"side": "SELL"}, "NOTHING_TO_CLOSE", 409, "quantity"),
        (K.TWAP, {"slices": "100", "quantity": "0.099"}, "PLAN_SLICES_INVALID", 400, "slices"),
        (K.TWAP, {"slices": "100"}, "NOTIONAL_BELOW_MINIMUM", 409, None),
        (K.TWAP, {"duration_seconds": "0"}, "DURATION_SECONDS_INVALID", 400, "duration_seconds"),
        (K.ICEBERG, {"visible": "6"}, "PLAN_VISIBLE_INVALID", 400, "visible"),
        (K.ICEBERG, {"visible": "0.0001"}, "VISIBLE_OFF_STEP", 400, "visible"),
        (K.ICEBERG, {"limit_price": None}, "LIMIT_PRICE_REQUIRED", 400, "limit_price"),
        (K.SCHEDULED, {"at": "1772452800000"}, "AT_PAST", 400, "at"),
        (K.SCHEDULED, {"at": "1772452800000.5"}, "AT_INVALID", 400, "at"),
    ],
)
def test_what_cannot_be_is_refused_with_its_code_and_changes_nothing(
    planning: Planning, kind: PlanKind, changes: dict[str, Any], code: str, status: int, field: str | None
) -> None:
    assert refused(planning, kind, **changes) == (code, status, field)


def test_at_the_limit_a_plan_begins(planning: Planning) -> None:
    # A millisecond from now; a purchase of exactly the smallest sum; all the money there is left.
    planning.begin(K.SCHEDULED, at="1772452800001")
    planning.begin(K.DCA, amount="5")
    planning.begin(K.TWAP, quantity="99.95", slices="1")
    assert planning.pit.cash(planning.pit.lead) == "0"


def test_without_a_price_none_begins(planning: Planning) -> None:
    other = planning.pit.desk.instrument("DOGE")
    planning.pit.instrument = other
    assert refused(planning, K.DCA)[:2] == ("PRICE_UNKNOWN", 409)


def test_an_instrument_of_another_market_is_refused(planning: Planning) -> None:
    planning.pit.instrument = Desk().instrument()
    assert refused(planning, K.DCA)[0] == "INSTRUMENT_NOT_ON_PORTFOLIO"


def test_a_portfolio_that_copies_or_is_closed_begins_none(planning: Planning, bob: User) -> None:
    follow = planning.pit.follow(bob)
    assert refused(planning, K.DCA, portfolio=follow.portfolio)[0] == "PORTFOLIO_IS_FOLLOWING"
    assert ways(follow.portfolio) == []
    Portfolio.objects.filter(pk=planning.pit.lead.pk).update(state=PortfolioState.FROZEN)
    assert refused(planning, K.SCHEDULED)[:2] == ("PORTFOLIO_NOT_OPEN", 409)


def test_a_portfolio_has_a_limited_number_of_plans(planning: Planning, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PLANS == 20
    monkeypatch.setattr(managing, "MOST_PLANS", 2)
    first, _ = planning.begin(K.SCHEDULED), planning.begin(K.SCHEDULED)
    assert refused(planning, K.SCHEDULED)[:2] == ("TOO_MANY_PLANS", 409)
    planning.stop(first)
    planning.begin(K.SCHEDULED)


def test_on_an_exchange_account_only_plans_of_market_orders_may_run(planning: Planning) -> None:
    lead, instrument = planning.pit.lead, planning.pit.instrument
    lead.account_id = lead.pk
    assert kinds_for(lead) == [K.DCA, K.TWAP, K.SCHEDULED]
    for kind in (K.GRID, K.MARTINGALE, K.ICEBERG):
        with pytest.raises(DomainError) as refusal:
            preview_plan(portfolio=lead, instrument=instrument, kind=kind, settings=SETTINGS[kind])
        assert (refusal.value.code, refusal.value.context["field"]) == ("PLAN_NOT_ON_ACCOUNT", "kind")
    with pytest.raises(DomainError, match="PLAN_NOT_ON_ACCOUNT"):
        limited = {**SETTINGS[K.TWAP], "limit_price": "95"}
        preview_plan(portfolio=lead, instrument=instrument, kind=K.TWAP, settings=limited)
    assert preview_plan(portfolio=lead, instrument=instrument, kind=K.TWAP, settings=SETTINGS[K.TWAP]).cost == D(400)


def test_who_is_killed_at_any_statement_of_a_beginning_leaves_all_or_nothing(planning: Planning) -> None:
    lead = planning.pit.lead
    before, deaths = stored(), 0
    while True:
        with dying_at(deaths):
            try:
                begin_plan(
                    actor=lead.owner,
                    portfolio=lead,
                    instrument=planning.pit.instrument,
                    kind=K.GRID,
                    settings=SETTINGS[K.GRID],
                    key="once",
                )
                break
            except Died:
                pass
        assert stored() == before
        deaths += 1
    assert deaths > 8
    assert (Plan.objects.count(), Order.objects.filter(plan__key="once").count()) == (1, 3)


# --- pausing and going on -------------------------------------------------------------------------------------------
def test_a_paused_plan_takes_back_what_opens_and_still_sells(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.GRID)
    planning.pause(plan)
    assert planning.told(plan)[:2] == ("PAUSED", "PAUSED_BY_OWNER")
    waiting = Order.objects.filter(plan=plan, state=OrderState.OPEN)
    assert sorted(waiting.values_list("plan_key", flat=True)) == ["2-0-sell", "3-0-sell"]
    # Sold at 105 and 110; the purchases that follow are kept back.
    planning.price(111)
    assert planning.told(plan) == ("PAUSED", "PAUSED_BY_OWNER", "0", "0")
    before = stored()
    assert pause_plan(actor=alice, plan=plan).state == "PAUSED"
    assert stored() == before
    planning.resume(plan)
    waiting = Order.objects.filter(plan=plan, state=OrderState.OPEN)
    assert sorted(waiting.values_list("plan_key", flat=True)) == ["0-0-buy", "1-0-buy", "2-1-buy", "3-1-buy"]
    before = stored()
    assert resume_plan(actor=alice, plan=plan).state == "RUNNING"
    assert stored() == before
    assert failed_checks() == {}


def test_a_pause_holds_back_the_sales_of_a_plan_that_is_there_to_sell(planning: Planning) -> None:
    planning.pit.buy(5)
    plan = planning.begin(K.ICEBERG, side="SELL", limit_price="105")
    planning.pause(plan)
    planning.price(106)
    assert planning.orders(plan) == ["0 SELL 2@105 CANCELED"]
    planning.resume(plan)
    assert planning.orders(plan)[1] == "0 SELL 2@105 FILLED"


def test_a_paused_clock_makes_up_for_nothing(planning: Planning) -> None:
    plan = planning.begin(K.DCA)
    planning.pause(plan)
    planning.later(100, hours=9)
    assert planning.orders(plan) == ["0 BUY 1@market FILLED"]
    planning.resume(plan)
    assert planning.orders(plan) == ["0 BUY 1@market FILLED", "1 BUY 1@market FILLED"]
    assert planning.again(plan).state == "RUNNING"


# --- stopping -------------------------------------------------------------------------------------------------------
def test_a_stop_cancels_its_orders_and_keeps_what_it_holds(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.GRID)
    planning.stop(plan)
    assert planning.told(plan) == ("CANCELED", "STOPPED_BY_OWNER", "2", "200")
    assert (planning.waiting.promised(), planning.pit.held(planning.pit.lead)) == ({}, "2")
    planning.price(90, 120)
    assert planning.pit.held(planning.pit.lead) == "2"
    before = stored()
    stop_plan(actor=alice, plan=plan, closes=True)
    assert stored() == before
    for act in (pause_plan, resume_plan):
        with pytest.raises(DomainError, match="PLAN_HAS_ENDED"):
            act(actor=alice, plan=plan)
    assert stored() == before


def test_a_stop_may_close_what_the_plan_holds_and_no_more(planning: Planning) -> None:
    planning.pit.buy(3)
    plan = planning.begin(K.GRID)
    planning.price(105)
    assert planning.pit.held(planning.pit.lead) == "4"
    planning.stop(plan, closes=True)
    assert planning.told(plan) == ("CANCELED", "STOPPED_BY_OWNER", "0", "0")
    assert planning.pit.held(planning.pit.lead) == "3"
    assert plain(planning.again(plan).realized_pnl) == "10"
    assert failed_checks() == {}


def test_a_stop_closes_only_what_is_still_there(planning: Planning) -> None:
    plan = planning.begin(K.DCA, amount="300")
    planning.pit.sell(2)
    planning.stop(plan, closes=True)
    assert (planning.orders(plan)[1], planning.pit.held(planning.pit.lead)) == ("close SELL 1@market FILLED", "0")


def test_a_limit_on_its_way_is_asked_to_be_waited_for(planning: Planning, alice: User) -> None:
    lead = planning.pit.lead
    plan = begin_plan(
        actor=alice, portfolio=lead, instrument=planning.pit.instrument, kind=K.ICEBERG, settings=SETTINGS[K.ICEBERG]
    )
    claim_orders(Order.objects.filter(plan=plan))
    before = stored()
    for act in (pause_plan, stop_plan):
        with pytest.raises(DomainError, match="ORDER_ON_ITS_WAY"):
            act(actor=alice, plan=plan)
    assert stored() == before


def test_an_order_of_a_plan_is_not_changed_by_hand(planning: Planning, alice: User) -> None:
    plan = planning.begin(K.ICEBERG)
    before = stored()
    with pytest.raises(DomainError, match="ORDER_OF_PLAN"):
        modify_order(actor=alice, order=Order.objects.get(plan=plan), quantity=D(1))
    assert stored() == before


# --- personal data --------------------------------------------------------------------------------------------------
def test_plans_are_taken_along_and_stop_when_their_owner_leaves(planning: Planning, alice: User, bob: User) -> None:
    plan = planning.begin(K.GRID)
    (exported,) = export_trading(alice)["plans"]
    assert (exported["id"], exported["kind"], exported["settings"]) == (
        plan.pk,
        "GRID",
        SETTINGS[K.GRID] | {"rungs": 4},
    )
    assert export_trading(bob)["plans"] == []
    with planning.pit.working():
        erase_person(user=alice)
    planning.settle()
    assert planning.told(plan)[:2] == ("CANCELED", "ACCOUNT_CLOSED")
    assert not Order.objects.filter(plan=plan, state=OrderState.OPEN).exists()
