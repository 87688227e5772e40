"""Who stands where in an account's perpetuals, as rows; and what a fill on such an account does to its book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.clock import wall_now
from common.ids import new_id
from markets.gateway.protocol import AccountTrade
from markets.gateway.protocol import Side as VenueSide
from markets.models import Instrument, MarketKind
from portfolios.margin_models import MarginMode
from portfolios.models import (
    AccountBalance,
    AccountMode,
    AccountState,
    Balance,
    ExchangeAccount,
    LedgerLine,
    Portfolio,
    Position,
    RemainderReason,
)
from portfolios.services.cash import open_portfolio
from portfolios.services.remainders import Change, change_remainders
from tests.fixtures_desk import Desk
from trading.models import CauseKind, Leg, Order, OrderState, Side
from trading.services.account_fees import broker_fill, rates_of
from trading.services.fills import record_fills
from trading.services.netting import Netting, Stand, stands_of
from trading.services.orders import Cause, new_order

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


def _perpetual(desk: Desk, base: str = "BTC") -> Instrument:
    instrument = desk.instrument(base, gateway_symbol=f"{base}/USDT:USDT")
    instrument.market.kind, instrument.market.contract = MarketKind.PERPETUAL, "PERP"
    instrument.market.save()
    return instrument


def _book(desk: Desk, account: ExchangeAccount, name: str) -> Portfolio:
    return open_portfolio(
        owner=account.owner, name=name, exchange=desk.exchange, settlement=desk.usdt, amount=D(1_000), account=account
    )


def _order(book: Portfolio, instrument: Instrument, side: Side, leg: Leg = Leg.OPEN, **facts: Any) -> Order:
    order = new_order(
        portfolio=book,
        instrument=instrument,
        side=side,
        leg=leg,
        quantity=D(1),
        cause=Cause(CauseKind.HAND, new_id().hex),
    )
    for name, value in {"quantity": D(1), **facts}.items():
        setattr(order, name, value)
    return order


def _held(book: Portfolio, instrument: Instrument, quantity: int, leverage: int = 2) -> Position:
    return Position.objects.create(
        portfolio=book,
        instrument=instrument,
        quantity=D(quantity),
        cost=D(quantity * 100),
        leverage=leverage,
        margin_mode=MarginMode.CROSS,
    )


def test_positions_orders_under_way_and_what_is_nobodys_are_read_in_one_statement(
    desk: Desk, account: ExchangeAccount, django_assert_num_queries: Any
) -> None:
    btc, eth = _perpetual(desk), _perpetual(desk, "ETH")
    long, flat, waits = (_book(desk, account, name) for name in ("Long", "Flat", "Waits"))
    _held(long, btc, 3)
    _held(flat, btc, 0)
    _order(waits, eth, Side.SELL, state=OrderState.UNKNOWN, leverage=5).save()
    _order(waits, eth, Side.BUY, state=OrderState.PENDING).save()
    _order(waits, eth, Side.BUY, Leg.CLOSE, state=OrderState.UNKNOWN).save()
    change_remainders(account.pk, [Change(btc.gateway_symbol, D(-1), RemainderReason.VENUE_FILL)])
    with django_assert_num_queries(1):
        stands = stands_of({account.pk}, {btc.gateway_symbol, eth.gateway_symbol})
    assert sorted(stands, key=str) == sorted(
        [
            Stand(account.pk, btc.gateway_symbol, long.pk, True, 2, "CROSS"),
            Stand(account.pk, eth.gateway_symbol, waits.pk, False, 5, ""),
            Stand(account.pk, btc.gateway_symbol, None, False, None, ""),
        ],
        key=str,
    )


def test_nothing_is_asked_where_nothing_opens_on_an_accounts_margin(
    desk: Desk, account: ExchangeAccount, alice: User, django_assert_num_queries: Any
) -> None:
    btc, spot = _perpetual(desk), desk.instrument("XRP")
    book, paper = _book(desk, account, "Book"), desk.portfolio(alice, name="Paper")
    orders = [
        _order(book, btc, Side.SELL, Leg.CLOSE),
        _order(book, spot, Side.BUY),
        _order(paper, btc, Side.BUY),
    ]
    with django_assert_num_queries(0):
        netting = Netting(orders)
    assert [netting.refusal(order, "ISOLATED") for order in orders] == ["", "", ""]


@pytest.mark.parametrize(
    ("side", "leverage", "mode", "code"),
    [
        (Side.BUY, 2, "CROSS", ""),
        (Side.SELL, 2, "CROSS", "OPPOSITE_SIDE_ON_ACCOUNT"),
        (Side.BUY, 3, "CROSS", "TERMS_DIFFER_ON_ACCOUNT"),
        (Side.BUY, 2, "ISOLATED", "TERMS_DIFFER_ON_ACCOUNT"),
    ],
)
def test_what_opens_stands_with_the_others_or_is_denied(
    desk: Desk, account: ExchangeAccount, side: Side, leverage: int, mode: str, code: str
) -> None:
    btc, eth = _perpetual(desk), _perpetual(desk, "ETH")
    one, two = _book(desk, account, "One"), _book(desk, account, "Two")
    _held(one, btc, 3)
    order = _order(two, btc, side, leverage=leverage)
    assert Netting([order]).refusal(order, mode) == code
    # Its own side, and another market, are nobody else's business.
    mine, other = _order(one, btc, Side.SELL, leverage=9), _order(two, eth, side, leverage=leverage)
    assert [Netting([row]).refusal(row, mode) for row in (mine, other)] == ["", ""]


def test_a_fee_in_the_coin_of_a_perpetual_is_the_remainders(desk: Desk, account: ExchangeAccount) -> None:
    bnb = _perpetual(desk, "BNB")
    desk.step({bnb: 100})
    book = _book(desk, account, "Book")
    order = _order(book, bnb, Side.SELL, state=OrderState.OPEN, claimed_at=wall_now())
    order.save()
    trade = AccountTrade(
        bnb.gateway_symbol, "1", "v1", "", wall_now(), VenueSide.SELL, D(100), D(1), D("0.01"), "BNB", False
    )
    record_fills([broker_fill(order, trade, rates_of([(order, trade)]))])
    assert Position.objects.get(portfolio=book).quantity == -1
    assert Balance.objects.get(portfolio=book, asset="USDT").amount == 999
    rows = dict(AccountBalance.objects.filter(account=account).values_list("asset", "remainder"))
    assert (rows["BNB"], rows["USDT"]) == (D("9999.99"), 10_000 - 1_000 + D(1))


def test_a_loss_beyond_the_margin_is_the_accounts_and_no_funds(desk: Desk, account: ExchangeAccount) -> None:
    btc = _perpetual(desk)
    book = _book(desk, account, "Book")
    for number, (side, leg, price) in enumerate([(Side.SELL, Leg.OPEN, 100), (Side.BUY, Leg.CLOSE, 350)], 1):
        order = _order(book, btc, side, leg, state=OrderState.OPEN, claimed_at=wall_now(), leverage=1)
        order.save()
        name = VenueSide.SELL if side == Side.SELL else VenueSide.BUY
        trade = AccountTrade(
            btc.gateway_symbol, str(number), "", "", wall_now(), name, D(price), D(1), D(0), "USDT", False
        )
        record_fills([broker_fill(order, trade, {})])
    assert Balance.objects.get(portfolio=book, asset="USDT").amount == 1_000 - 250
    assert not LedgerLine.objects.filter(account="INSURANCE").exists()
