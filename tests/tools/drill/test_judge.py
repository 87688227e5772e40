"""The judge of the kill drill: silent where venue and database agree, and not where one figure, order or fill is off."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from accounts.models import User
from common.fields import canonical
from markets.gateway.protocol import OrderRequest, OrderType
from markets.gateway.protocol import Side as VenueSide
from portfolios.models import AccountBalance, Balance, ExchangeAccount, Portfolio, RemainderReason
from tests.fixtures_signing import Booth, OpenBooth
from tools.drill.judge import judge, told
from trading.models import Fill, Order, OrderState, Side
from trading.services.orders import place_hand_order

D = Decimal
UNIT = D("1E-8")


@pytest.fixture
def booth(open_booth: OpenBooth) -> Booth:
    return open_booth("binance")


@pytest.fixture
def account(booth: Booth, alice: User) -> ExchangeAccount:
    return booth.connect(alice)


@pytest.fixture
def order(booth: Booth, account: ExchangeAccount) -> Order:
    """An order that has filled on both sides, under the key "once"."""
    book = booth.portfolio(account, 5_000)
    placed = _buy(booth, book, "once")
    assert booth.settle(account)
    placed.refresh_from_db()
    assert placed.state == OrderState.FILLED
    return placed


def _buy(booth: Booth, book: Portfolio, key: str) -> Order:
    booth.price()
    placed = place_hand_order(
        actor=book.owner,
        portfolio=book,
        instrument=booth.instrument,
        side=Side.BUY,
        quantity=D("0.01"),
        key=key,
    )
    booth.loop.run(booth.desk.send_waiting())
    return placed


def _found(booth: Booth, account: ExchangeAccount, keys: dict[str, int] | None = None) -> list[str]:
    """Judge the account by what the exchange itself tells of it."""
    name = booth.keys[str(account.pk)].account
    answer = httpx.get(f"{booth.thread.url}/sandbox/accounts", params={"account": name, "venue": "binance"})
    return judge({account: told(answer.raise_for_status().json()["binance"])}, keys)


def _bought_again(booth: Booth, account: ExchangeAccount, client_id: str) -> None:
    """Buy at the venue under a client order id, past everything that is ours."""

    async def buy() -> None:
        access = await booth.desk.access(account.pk)
        symbol = booth.instrument.gateway_symbol
        await access.create_order(OrderRequest(client_id, symbol, VenueSide.BUY, OrderType.MARKET, D("0.01")))

    booth.loop.run(buy())


def test_nothing_is_found_where_both_sides_agree(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    assert order.fills.exists()
    assert _found(booth, account, {"once": 1}) == []


def test_an_order_that_was_sent_twice_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    _bought_again(booth, account, order.client_order_id)
    assert f"Main: order {order.pk} was sent 2 times" in _found(booth, account)


def test_an_order_of_nobody_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    _bought_again(booth, account, "f" * 32)
    assert f"Main: the venue has an order {'f' * 32} that is none of ours" in _found(booth, account)


def test_an_order_that_the_venue_never_had_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(client_order_id="0" * 32)
    assert f"Main: order {order.pk} was sent, and the venue has it not" in _found(booth, account)


def test_an_order_whose_fate_is_not_known_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(state=OrderState.UNKNOWN)
    found = _found(booth, account)
    assert found[0] == f"order {order.pk} is still UNKNOWN"


@pytest.mark.parametrize("state", [OrderState.DENIED, OrderState.REJECTED])
def test_an_order_that_was_never_to_be_sent_is_found(
    state: OrderState, booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    Order.objects.filter(pk=order.pk).update(state=state, code="RISK")
    assert f"Main: order {order.pk} is {state}, yet the venue has it" in _found(booth, account)


def test_a_fill_that_was_not_booked_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    fill = order.fills.get()
    Fill.objects.filter(pk=fill.pk).delete()
    assert f"Main: fill {fill.venue_fill_id} of the venue is not booked" in _found(booth, account)


def test_a_fill_that_was_booked_twice_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    fill = order.fills.get()
    Fill.objects.create(
        order=order,
        portfolio=fill.portfolio,
        instrument=fill.instrument,
        number=fill.number + 1,
        venue_account=fill.venue_account,
        venue_fill_id="BTC/USDT:again",
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        base_fee=fill.base_fee,
        happened_at=fill.happened_at,
        recorded_at=fill.recorded_at,
    )
    assert "Main: fill BTC/USDT:again is booked, and the venue has it not" in _found(booth, account)


@pytest.mark.parametrize("figure", ["quantity", "price", "fee", "base_fee"])
def test_a_figure_of_a_fill_that_is_off_by_one_unit_is_found(
    figure: str, booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    fill = order.fills.get()
    Fill.objects.filter(pk=fill.pk).update(**{figure: getattr(fill, figure) + UNIT})
    assert any(f"Main: fill {fill.venue_fill_id} is booked as" in one for one in _found(booth, account))


@pytest.mark.parametrize("asset", ["BTC", "USDT"])
def test_a_balance_that_is_off_by_one_unit_is_found(
    asset: str, booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    row = Balance.objects.get(portfolio=order.portfolio, asset_id=asset)
    Balance.objects.filter(pk=row.pk).update(amount=row.amount + UNIT)
    assert any(one.startswith(f"Main: {asset}: books and remainder hold") for one in _found(booth, account))


def test_a_remainder_that_is_off_by_one_unit_is_found(booth: Booth, account: ExchangeAccount, order: Order) -> None:
    row = AccountBalance.objects.get(account=account, asset="USDT")
    AccountBalance.objects.filter(pk=row.pk).update(remainder=row.remainder - UNIT)
    assert [one for one in _found(booth, account) if "USDT: books and remainder" in one] != []


@pytest.mark.parametrize(("amount", "reason"), [(UNIT, RemainderReason.ROUNDING), (D(3), RemainderReason.DEPOSIT)])
def test_a_difference_that_was_booked_away_is_found(
    amount: Decimal, reason: RemainderReason, booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    booth.change_money(account, "USDT", amount)
    assert booth.settle(account)
    assert _found(booth, account) == [f"Main: USDT: {canonical(amount)} of the remainder are {reason}"]


def test_a_wish_that_was_placed_twice_or_after_its_refusal_is_found(
    booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    Order.objects.filter(pk=_buy(booth, order.portfolio, "other").pk).update(cause_id="once", attempt=2)
    assert booth.settle(account)
    assert "once was answered with 1 orders, and made 2" in _found(booth, account, {"once": 1})
    assert "once was answered with 0 orders, and made 2" in _found(booth, account, {"once": 0})
    assert "never was answered with 1 orders, and made 0" in _found(booth, account, {"never": 1})


def test_books_that_do_not_agree_with_themselves_are_found(
    booth: Booth, account: ExchangeAccount, order: Order
) -> None:
    Portfolio.objects.filter(pk=order.portfolio_id).update(fill_count=7)
    assert any(one.startswith("fill_numbers_gapless: ") for one in _found(booth, account))
