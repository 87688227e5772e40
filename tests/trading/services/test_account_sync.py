"""Fills as a venue's lists tell them: whose they are, and whose they may still be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from common.clock import wall_now
from markets.gateway.protocol import AccountTrade
from markets.gateway.protocol import Side as VenueSide
from markets.models import Instrument
from portfolios.models import AccountBalance, AccountMode, AccountState, ExchangeAccount, Portfolio, RemainderReason
from portfolios.services.cash import open_portfolio
from portfolios.services.remainders import Change, change_remainders
from tests.fixtures_desk import Desk
from trading.models import CauseKind, Fill, ForeignFill, Leg, Order, OrderState, Side
from trading.services.account_sync import record_trades
from trading.services.orders import Cause, new_order

D = Decimal


@pytest.fixture
def account(desk: Desk, alice: User) -> ExchangeAccount:
    account = ExchangeAccount.objects.create(
        owner=alice,
        exchange=desk.exchange,
        label="Main",
        mode=AccountMode.SANDBOX,
        state=AccountState.READY,
        books_from=desk.at,
    )
    change_remainders(account.pk, [Change("USDT", D(10_000), RemainderReason.FIRST)])
    AccountBalance.objects.update(free=D(10_000))
    return account


@pytest.fixture
def instrument(desk: Desk) -> Instrument:
    made = desk.instrument()
    Instrument.objects.filter(pk=made.pk).update(gateway_symbol="BTC/USDT")
    return made


@pytest.fixture
def order(desk: Desk, alice: User, account: ExchangeAccount, instrument: Instrument) -> Order:
    """A purchase of 2 that was sent and not answered."""
    book: Portfolio = open_portfolio(
        owner=alice, name="Book", exchange=desk.exchange, settlement=desk.usdt, amount=D(5_000), account=account
    )
    order = new_order(
        portfolio=book,
        instrument=instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=D(2),
        cause=Cause(CauseKind.HAND, "one"),
    )
    order.quantity, order.state, order.claimed_at = D(2), OrderState.UNKNOWN, wall_now()
    order.save(force_insert=True)
    return order


def _trade(desk: Desk, client_order_id: str = "") -> AccountTrade:
    return AccountTrade(
        "BTC/USDT", "7", "42", client_order_id, desk.at, VenueSide.BUY, D(100), D(2), D(0), "", is_maker=False
    )


def test_a_fill_that_may_be_an_unanswered_orders_waits_and_is_nobodys_once_that_is_settled(
    desk: Desk, account: ExchangeAccount, order: Order
) -> None:
    assert record_trades(account_id=account.pk, trades=[_trade(desk)]) == 1
    assert not ForeignFill.objects.exists()
    Order.objects.filter(pk=order.pk).update(state=OrderState.REJECTED)
    assert record_trades(account_id=account.pk, trades=[_trade(desk)]) == 0
    assert ForeignFill.objects.get().venue_fill_id == "BTC/USDT:7"


@pytest.mark.parametrize("told", ["client id", "venue id"])
def test_a_fill_is_our_orders_by_either_name(desk: Desk, account: ExchangeAccount, order: Order, told: str) -> None:
    trade = _trade(desk, order.client_order_id if told == "client id" else "")
    if told == "venue id":
        Order.objects.filter(pk=order.pk).update(venue_order_id="42")
    assert record_trades(account_id=account.pk, trades=[trade, trade]) == 0
    assert record_trades(account_id=account.pk, trades=[trade]) == 0
    order.refresh_from_db()
    assert (order.state, Fill.objects.count(), ForeignFill.objects.count()) == (OrderState.FILLED, 1, 0)


def test_what_was_before_our_books_is_in_them(desk: Desk, account: ExchangeAccount, instrument: Instrument) -> None:
    ExchangeAccount.objects.update(books_from=wall_now())
    assert record_trades(account_id=account.pk, trades=[_trade(desk)]) == 0
    assert not ForeignFill.objects.exists()
