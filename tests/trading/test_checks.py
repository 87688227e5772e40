"""The proof of the books: silent where all is well, and each of its checks finds the fact that was broken by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import User
from common import clock
from common.ids import new_id
from engine.plans.kinds import LATEST_MS, PlanKind
from portfolios.models import Balance, LedgerLine, Position
from tests.fixtures_trading import Pit, failed_checks
from tests.trading.test_margin_checks import SEEN
from trading.checks import run_checks, run_checks_beside_work
from trading.models import (
    CauseKind,
    Fill,
    Follow,
    FollowCommand,
    Leg,
    Order,
    OrderEvent,
    OrderState,
    Side,
    Trigger,
)
from trading.plans.models import Plan
from trading.plans.services.managing import begin_plan
from trading.services.orders import Cause, submit_order
from trading.services.triggers import fire

D = Decimal
CHECKS = [
    "ledger_sums_zero",
    "balances_equal_entries",
    "net_deposits_equal_entries",
    "positions_equal_fills",
    "orders_equal_fills",
    "fills_are_booked",
    "bookings_equal_fills",
    "fill_numbers_gapless",
    "promises_equal_holds",
    "margins_equal_entries",
    "funding_equals_entries",
    "insurance_equals_entries",
    "only_margin_owes",
    "no_orphan_order",
    "no_idle_stop",
    "no_duplicate_copy",
    "every_follower_explained",
    "plans_equal_fills",
]


@pytest.fixture
def lived(pit: Pit, bob: User, charlie: User) -> Pit:
    """Books with a past: a stop that fired, one that is armed, adds, closes in part, a denied copy, fees."""
    pit.instrument.taker_fee_bps = D(10)
    pit.instrument.save()
    pit.follow(bob)
    pit.follow(charlie, 50)
    for cause in ("run:1", "run:2"):
        with pit.working():
            submit_order(
                portfolio=pit.lead,
                instrument=pit.instrument,
                side=Side.BUY,
                leg=Leg.OPEN,
                quantity=D(7),
                cause=Cause(CauseKind.RUN, cause),
                stop_loss_ratio=D("0.1"),
            )
        if cause == "run:1":
            with pit.working():
                fire(trigger_id=Trigger.objects.get().pk)
    pit.buy("3.333")
    pit.price("110.55")
    pit.sell("1.111")
    return pit


def some(pit: Pit) -> Fill:
    return Fill.objects.filter(portfolio=pit.lead).order_by("number")[1]


def test_books_with_a_past_pass_every_check(lived: Pit) -> None:
    assert list(run_checks()) == CHECKS
    assert failed_checks() == {}
    states = set(Order.objects.values_list("state", flat=True))
    assert states == {OrderState.FILLED, OrderState.DENIED}
    assert Trigger.objects.filter(state="ARMED").count() == 1


def copied(pit: Pit, **condition: object) -> Order:
    return Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, **condition).order_by("pk")[0]


def drop_line(pit: Pit) -> None:
    LedgerLine.objects.filter(booking_id=some(pit).pk, account="FEES").delete()


def drop_fill(pit: Pit) -> None:
    OrderEvent.objects.all().delete()
    Fill.objects.filter(pk=some(pit).pk).delete()


def drop_booking(pit: Pit) -> None:
    LedgerLine.objects.filter(booking_id=some(pit).pk).delete()


def move_value_within_a_booking(pit: Pit) -> None:
    lines = LedgerLine.objects.filter(booking_id=some(pit).pk, asset="USDT")
    for account, change in (("HOLDINGS", "-0.01"), ("MARKET", "0.01")):
        line = lines.get(account=account)
        LedgerLine.objects.filter(pk=line.pk).update(amount=line.amount + D(change))


def renumber(pit: Pit) -> None:
    Fill.objects.filter(pk=some(pit).pk).update(number=99)


def second_copy(pit: Pit) -> None:
    order = copied(pit)
    order.pk, order.client_order_id, order.attempt = new_id(), new_id().hex, 2
    order.state, order.code, order.filled_quantity, order.fee = OrderState.DENIED, "NO_EQUITY", D(0), D(0)
    order.save(force_insert=True)


def drop_copy(pit: Pit) -> None:
    order = copied(pit, state=OrderState.DENIED)
    OrderEvent.objects.filter(order=order).delete()
    order.delete()


def promise_without_an_order(pit: Pit) -> None:
    Balance.objects.filter(portfolio=pit.lead, asset="USDT").update(reserved=D("0.000000000000000001"))


def command_left_undone(pit: Pit) -> None:
    FollowCommand.objects.create(follow=Follow.objects.all()[0], kind="CLOSE_ALL", due_at=pit.desk.at)


def stop_of_another_instrument(pit: Pit) -> None:
    Trigger.objects.filter(state="ARMED").update(instrument=pit.desk.instrument("ETH"))


def unknown_order(pit: Pit) -> None:
    Order.objects.filter(pk=copied(pit, state=OrderState.DENIED).pk).update(state=OrderState.UNKNOWN)


def drop_position(pit: Pit) -> None:
    Position.objects.filter(portfolio=pit.lead).delete()


def plan_that_holds_what_it_never_bought(pit: Pit) -> None:
    plan = begin_plan(
        actor=pit.alice,
        portfolio=pit.lead,
        instrument=pit.instrument,
        kind=PlanKind.SCHEDULED,
        settings={"side": "BUY", "quantity": D(1), "at": LATEST_MS},
    )
    Plan.objects.filter(pk=plan.pk).update(held=D(1))


# What is broken, by a statement or a function -> the checks that find it, and no other.
Break = str | Callable[[Pit], None]
ORDER = "UPDATE trading_order SET"
POSITION = "UPDATE portfolios_position SET"
BREAKS: list[tuple[Break, set[str]]] = [
    (drop_line, {"ledger_sums_zero"}),
    (plan_that_holds_what_it_never_bought, {"plans_equal_fills"}),
    ("UPDATE portfolios_balance SET amount = '5', reserved = '0'", {"balances_equal_entries"}),
    ("UPDATE portfolios_portfolio SET net_deposits = '5'", {"net_deposits_equal_entries"}),
    (f"{POSITION} quantity = '5'", {"positions_equal_fills"}),
    (f"{POSITION} cost = '5'", {"positions_equal_fills"}),
    (f"{POSITION} realized_pnl = '5'", {"positions_equal_fills"}),
    (f"{POSITION} fees_paid = '5'", {"positions_equal_fills"}),
    (drop_position, {"positions_equal_fills", "no_idle_stop"}),
    (f"{ORDER} filled_quantity = '5' WHERE state = 'FILLED'", {"orders_equal_fills"}),
    (f"{ORDER} fee = '5'", {"orders_equal_fills"}),
    (f"{ORDER} state = 'FILLED' WHERE state = 'DENIED'", {"orders_equal_fills"}),
    (f"{ORDER} state = 'CANCELED', code = 'X' WHERE state = 'FILLED'", {"orders_equal_fills"}),
    (drop_booking, {"fills_are_booked", "bookings_equal_fills", "balances_equal_entries"}),
    (
        drop_fill,
        {
            "fills_are_booked",
            "bookings_equal_fills",
            "fill_numbers_gapless",
            "orders_equal_fills",
            "positions_equal_fills",
        },
    ),
    ("UPDATE trading_fill SET price = '1'", {"bookings_equal_fills", "positions_equal_fills"}),
    (move_value_within_a_booking, {"bookings_equal_fills", "balances_equal_entries"}),
    (renumber, {"fill_numbers_gapless"}),
    ("UPDATE portfolios_portfolio SET fill_count = 99", {"fill_numbers_gapless"}),
    ("UPDATE trading_leadevent SET seq = 99 WHERE seq = 2", {"fill_numbers_gapless"}),
    ("UPDATE trading_leadstream SET last_seq = 1", {"fill_numbers_gapless"}),
    (unknown_order, {"no_orphan_order"}),
    ("UPDATE trading_leadevent SET state = 'WAITING' WHERE seq = 1", {"no_orphan_order"}),
    (promise_without_an_order, {"promises_equal_holds"}),
    (command_left_undone, {"no_orphan_order"}),
    (stop_of_another_instrument, {"no_idle_stop"}),
    ("UPDATE trading_trigger SET state = 'FIRED'", {"no_idle_stop"}),
    (second_copy, {"no_duplicate_copy"}),
    (drop_copy, {"every_follower_explained"}),
    (f"{ORDER} code = '' WHERE state = 'DENIED'", {"every_follower_explained"}),
]


def find(broken: Break, pit: Pit) -> set[str]:
    """Break a fact, and return the checks that find it; afterwards all is as before."""
    with transaction.atomic():
        if isinstance(broken, str):
            with connection.cursor() as cursor:
                cursor.execute(broken)
        else:
            broken(pit)
        found = failed_checks()
        transaction.set_rollback(True)
    assert all(detail for details in found.values() for detail in details)
    return set(found)


def test_a_broken_fact_is_found_by_its_checks_and_by_no_other(lived: Pit) -> None:
    names = [broken if isinstance(broken, str) else broken.__name__ for broken, _ in BREAKS]
    found = [find(broken, lived) for broken, _ in BREAKS]
    assert dict(zip(names, found, strict=True)) == dict(zip(names, (checks for _, checks in BREAKS), strict=True))
    assert failed_checks() == {}


def test_every_check_has_been_seen_to_fail() -> None:
    assert set().union(*(checks for _, checks in BREAKS)) | SEEN == set(CHECKS)


# --- the command ----------------------------------------------------------------------------------------------------
def test_the_command_says_that_all_is_well(lived: Pit) -> None:
    out = StringIO()
    call_command("check_books", stdout=out)
    assert out.getvalue().splitlines() == [f"ok      {name}" for name in CHECKS]


def test_the_command_names_what_failed_and_where(lived: Pit) -> None:
    renumber(lived)
    out = StringIO()
    with pytest.raises(CommandError, match="1 checks failed"):
        call_command("check_books", stdout=out)
    lines = out.getvalue().splitlines()
    place = lines.index("FAILED  fill_numbers_gapless")
    count = Fill.objects.filter(portfolio=lived.lead).count()
    assert lines[place + 1].strip() == f"portfolio {lived.lead.pk}: {count} fills from 1 to 99, counter {count}"
    assert len([line for line in lines if line.startswith("ok ")]) == len(CHECKS) - 1


def test_what_a_working_site_has_under_way_is_no_orphan_once_it_has_ended(
    lived: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order.objects.filter(portfolio=lived.lead, state=OrderState.FILLED).first()
    assert order is not None
    Order.objects.filter(pk=order.pk).update(state=OrderState.PENDING, filled_quantity=0, fee=0)
    assert "no_orphan_order" in failed_checks()
    looks: list[float] = []

    def work_goes_on(seconds: float) -> None:
        looks.append(seconds)
        order.save()

    monkeypatch.setattr(clock, "sleep", work_goes_on)
    assert run_checks_beside_work(10)["no_orphan_order"] == []
    assert len(looks) == 1


def test_what_stays_under_way_is_an_orphan(lived: Pit) -> None:
    order = Order.objects.filter(portfolio=lived.lead, state=OrderState.FILLED).first()
    assert order is not None
    Order.objects.filter(pk=order.pk).update(state=OrderState.PENDING)
    out = StringIO()
    with pytest.raises(CommandError, match="checks failed"):
        call_command("check_books", patience=0.6, stdout=out)
    assert f"order {order.pk} is still PENDING" in out.getvalue()
