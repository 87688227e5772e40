"""Fees in quote, in base and in a third asset: who pays them, and that nothing is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError
from engine.decimals import ZERO
from markets.gateway.protocol import AccountTrade
from markets.gateway.protocol import Side as VenueSide
from portfolios.models import (
    AccountBalance,
    AccountMode,
    AccountState,
    Balance,
    ExchangeAccount,
    Portfolio,
    Position,
    RemainderReason,
)
from portfolios.services.cash import open_portfolio
from portfolios.services.remainders import Change, change_remainders, set_live_trading
from tests.fixtures_desk import Desk
from tests.fixtures_trading import failed_checks
from trading.models import CauseKind, Fill, Leg, Order, OrderState, Side
from trading.services.account_fees import broker_fill, rates_of
from trading.services.fills import record_fills
from trading.services.orders import Cause, new_order, place_hand_order

D = Decimal


@pytest.fixture
def account(desk: Desk, alice: User) -> ExchangeAccount:
    account = ExchangeAccount.objects.create(
        owner=alice,
        exchange=desk.exchange,
        label="Main",
        mode=AccountMode.LIVE,
        state=AccountState.READY,
        reconciled_at=wall_now(),
    )
    change_remainders(account.pk, [Change(asset, D(10_000), RemainderReason.FIRST) for asset in ("USDT", "BNB")])
    AccountBalance.objects.update(free=D(10_000))
    return account


@pytest.fixture
def book(desk: Desk, alice: User, account: ExchangeAccount) -> Portfolio:
    return open_portfolio(
        owner=alice, name="Book", exchange=desk.exchange, settlement=desk.usdt, amount=D(5_000), account=account
    )


def _bought(desk: Desk, book: Portfolio, fee: str, fee_asset: str) -> Order:
    """Book a purchase of 2 at 100 with this fee."""
    order = new_order(
        portfolio=book,
        instrument=desk.instrument(),
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=D(2),
        cause=Cause(CauseKind.HAND, "one"),
    )
    order.quantity, order.state, order.claimed_at = D(2), OrderState.OPEN, wall_now()
    order.save(force_insert=True)
    trade = AccountTrade(
        "BTC/USDT", "7", "42", "", desk.at, VenueSide.BUY, D(100), D(2), D(fee), fee_asset, is_maker=False
    )
    record_fills([broker_fill(order, trade, rates_of([(order, trade)]))])
    order.refresh_from_db()
    return order


def _held(book: Portfolio) -> dict[str, Decimal]:
    return dict(Balance.objects.filter(portfolio=book).values_list("asset", "amount"))


def _remainders(account: ExchangeAccount) -> dict[str, Decimal]:
    return dict(AccountBalance.objects.filter(account=account).values_list("asset", "remainder"))


def test_a_fee_in_quote_is_paid_in_quote(desk: Desk, book: Portfolio) -> None:
    order = _bought(desk, book, "0.2", "USDT")
    assert (order.state, order.fee, _held(book)) == (OrderState.FILLED, D("0.2"), {"USDT": D("4799.8"), "BTC": D(2)})
    assert failed_checks() == {}


def test_a_fee_in_base_is_kept_from_what_was_bought(desk: Desk, book: Portfolio) -> None:
    order = _bought(desk, book, "0.002", "BTC")
    assert _held(book) == {"USDT": D(4_800), "BTC": D("1.998")}
    fill, position = Fill.objects.get(), Position.objects.get()
    assert (fill.quantity, fill.base_fee, fill.fee, order.filled_quantity) == (D(2), D("0.002"), D("0.2"), D(2))
    assert (position.quantity, position.cost, position.fees_paid) == (D("1.998"), D("199.8"), D("0.2"))
    assert failed_checks() == {}


def test_a_fee_in_a_third_asset_is_paid_by_the_remainder_and_to_it(
    desk: Desk, book: Portfolio, account: ExchangeAccount
) -> None:
    desk.step({desk.instrument("BNB"): 600})
    order = _bought(desk, book, "0.0003", "BNB")
    assert (order.fee, _held(book)) == (D("0.18"), {"USDT": D("4799.82"), "BTC": D(2)})
    assert _remainders(account) == {"USDT": D("5000.18"), "BNB": D("9999.9997")}
    assert failed_checks() == {}


def test_without_a_price_the_account_bears_it_alone(desk: Desk, book: Portfolio, account: ExchangeAccount) -> None:
    order = _bought(desk, book, "0.0003", "BNB")
    assert (order.fee, _held(book)["USDT"]) == (ZERO, D(4_800))
    assert _remainders(account) == {"USDT": D(5_000), "BNB": D("9999.9997")}


def test_real_money_opens_nothing_until_its_switch_is_on(desk: Desk, book: Portfolio, alice: User) -> None:
    instrument = desk.instrument()
    desk.step({instrument: 100})

    def place() -> Order:
        return place_hand_order(actor=alice, portfolio=book, instrument=instrument, side=Side.BUY, quantity=D(1))

    with pytest.raises(DomainError, match="LIVE_TRADING_OFF"):
        place()
    assert not Order.objects.exists()
    set_live_trading(actor=alice, portfolio=book, is_on=True)
    assert place().state == OrderState.PENDING


def test_another_exchange_of_the_same_market_is_not_the_accounts(desk: Desk, book: Portfolio, alice: User) -> None:
    other = Desk()
    foreign = other.instrument()
    foreign.market.namespace = desk.namespace
    foreign.market.save()
    desk.step({foreign: 100})
    with pytest.raises(DomainError, match="INSTRUMENT_NOT_ON_VENUE"):
        place_hand_order(actor=alice, portfolio=book, instrument=foreign, side=Side.BUY, quantity=D(1))
