"""Hold lines: what a resting order promises stands in the ledger, follows every change of it, and is gone when it ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from common.ids import new_id
from portfolios.models import Balance, BookingKind, LedgerLine
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit, failed_checks, plain
from tests.fixtures_waiting import Waiting, again, events
from trading.brokers import BrokerFill
from trading.checks import run_checks
from trading.kinds import OrderKind
from trading.models import LeadStream, Order, OrderState, Side
from trading.services.changing import cancel_order, modify_order
from trading.services.closing import close_position
from trading.services.fills import record_fills

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal


@pytest.fixture
def waiting(waiting: Waiting) -> Waiting:
    """The pit without a leader: what fills mean to followers is asked elsewhere."""
    LeadStream.objects.all().delete()
    return waiting


def lines(order: Order) -> list[tuple[str, str, str]]:
    """Return account, asset and amount of an order's hold lines, in their order."""
    rows = LedgerLine.objects.filter(order_id=order.pk, kind=BookingKind.HOLD).order_by("pk")
    return [(one.account, one.asset_id, plain(one.amount)) for one in rows]


def moves(order: Order) -> list[str]:
    """Return by how much the order's hold grew and shrank."""
    return [amount for account, _, amount in lines(order) if account == "HELD"]


def part(order: Order, quantity: str, price: str) -> BrokerFill:
    name = f"{order.client_order_id}:{order.filled_quantity}"
    return BrokerFill(order.pk, "paper", name, D(quantity), D(price), D(0), NOON)


def test_a_hold_is_double_entry_from_rest_to_fill(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 2, K.LIMIT, limit_price="95")
    assert lines(order) == [("HELD", "USDT", "190"), ("HOLDINGS", "USDT", "-190")]
    assert failed_checks() == {}
    waiting.price(95)
    assert again(order).state == OrderState.FILLED
    assert lines(order)[2:] == [("HELD", "USDT", "-190"), ("HOLDINGS", "USDT", "190")]
    assert len(set(LedgerLine.objects.filter(order_id=order.pk).values_list("booking_id"))) == 2
    assert (failed_checks(), waiting.promised()) == ({}, {})


def test_a_sale_holds_coins_and_what_only_reduces_holds_nothing(waiting: Waiting) -> None:
    waiting.pit.buy(3)
    selling = waiting.ask(SELL, 2, K.LIMIT, limit_price="105")
    stop = waiting.ask(SELL, 1, K.STOP, trigger_price="90", reduce_only=True)
    assert lines(selling) == [("HELD", "BTC", "2"), ("HOLDINGS", "BTC", "-2")]
    assert (lines(stop), again(stop).state) == ([], OrderState.OPEN)
    assert failed_checks() == {}


def test_a_hold_shrinks_with_each_part_and_is_let_go_at_the_end(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 4, K.LIMIT, limit_price="90")
    record_fills([part(order, "1", "90")])
    assert again(order).state == OrderState.PARTIALLY_FILLED
    assert (moves(order), waiting.promised(), failed_checks()) == (["360", "-90"], {"USDT": "270"}, {})
    record_fills([part(again(order), "1", "85")])
    assert moves(order)[2:] == ["-85"]
    cancel_order(actor=waiting.pit.alice, order=again(order))
    assert (moves(order)[3:], waiting.promised(), failed_checks()) == (["-185"], {}, {})
    parts = [(OrderState.PARTIALLY_FILLED, "")] * 2
    assert events(order) == [(OrderState.OPEN, ""), *parts, (OrderState.CANCELED, "CANCELED_BY_OWNER")]


def test_a_change_moves_the_hold_by_the_difference(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 2, K.LIMIT, limit_price="95")
    modify_order(actor=waiting.pit.alice, order=order, limit_price=D(90))
    modify_order(actor=waiting.pit.alice, order=order, quantity=D(3))
    # A change that leaves the promise as it is writes nothing; nor does the same once more.
    modify_order(actor=waiting.pit.alice, order=order, quantity=D(3))
    assert (moves(order), failed_checks()) == (["190", "-10", "90"], {})


def test_whatever_ends_an_order_lets_its_hold_go(waiting: Waiting) -> None:
    waiting.pit.buy(2)
    in_the_way = waiting.ask(SELL, 2, K.LIMIT, limit_price="120")
    with waiting.pit.working():
        close_position(actor=waiting.pit.alice, portfolio=waiting.pit.lead, instrument=waiting.pit.instrument)
    assert (again(in_the_way).code, moves(in_the_way)) == ("SUPERSEDED_BY_EXIT", ["2", "-2"])
    buying = waiting.pair(BUY, 1, 95, 105)
    waiting.price(95)
    assert [moves(one) for one in buying] == [["95", "-95"], ["105", "-105"]]
    assert failed_checks() == {}


def test_what_fills_at_once_writes_no_hold_and_no_statement_for_one(waiting: Waiting) -> None:
    with CaptureQueriesContext(connection) as statements:
        bought = waiting.pit.buy(1)
        crossing = waiting.ask(BUY, 1, K.LIMIT, limit_price="110")
    assert (bought.state, again(crossing).state) == (OrderState.FILLED, OrderState.FILLED)
    assert not LedgerLine.objects.filter(kind=BookingKind.HOLD).exists()
    # One batch of lines for each of the two fills, as ever.
    assert sum("INSERT INTO" in one["sql"] and "ledgerline" in one["sql"] for one in statements) == 2


# --- the proof ------------------------------------------------------------------------------------------------------
def _drop_lines(order: Order) -> None:
    LedgerLine.objects.filter(order_id=order.pk).delete()


def _hold_more(order: Order) -> None:
    for account, amount in (("HELD", "190.01"), ("HOLDINGS", "-190.01")):
        LedgerLine.objects.filter(order_id=order.pk, account=account).update(amount=D(amount))


def _hold_for_nobody(order: Order) -> None:
    LedgerLine.objects.filter(order_id=order.pk).update(order_id=new_id())


def _promise_less(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(reserved=D(1))


def _end_without_letting_go(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(state=OrderState.CANCELED, code="CANCELED_BY_OWNER")


def _promise_on_the_row_alone(order: Order) -> None:
    Balance.objects.filter(portfolio=order.portfolio_id, asset="USDT").update(reserved=D("190.01"))


@pytest.mark.parametrize(
    "broken",
    [_drop_lines, _hold_more, _hold_for_nobody, _promise_less, _end_without_letting_go, _promise_on_the_row_alone],
)
def test_a_hold_that_is_not_its_orders_promise_is_found(waiting: Waiting, broken: Callable[[Order], None]) -> None:
    order = waiting.ask(BUY, 2, K.LIMIT, limit_price="95")
    broken(order)
    assert list(failed_checks()) == ["promises_equal_holds"]
    assert {error.portfolio_id for error in run_checks()["promises_equal_holds"]} == {waiting.pit.lead.pk}


def test_the_database_refuses_a_hold_without_an_order_and_an_order_without_a_hold(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 2, K.LIMIT, limit_price="95")
    for change in ({"order_id": None}, {"kind": BookingKind.FILL}, {"account": "FEES"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            LedgerLine.objects.filter(order_id=order.pk, account="HELD").update(**change)


def test_orders_that_rest_already_get_their_lines_by_the_migration(pit: Pit, waiting: Waiting) -> None:
    pit.buy(1)
    orders = [
        waiting.ask(BUY, 2, K.LIMIT, limit_price="95"),
        waiting.ask(SELL, "0.5", K.LIMIT, limit_price="120"),
        waiting.ask(SELL, "0.5", K.STOP, trigger_price="80", reduce_only=True),
    ]
    kept = [lines(order) for order in orders]
    LedgerLine.objects.filter(kind=BookingKind.HOLD).delete()
    import_module("trading.migrations.0007_holds_of_resting_orders").hold(apps, None)
    assert [lines(order) for order in orders] == kept
    assert (kept[0], kept[2], failed_checks()) == ([("HELD", "USDT", "190"), ("HOLDINGS", "USDT", "-190")], [], {})
