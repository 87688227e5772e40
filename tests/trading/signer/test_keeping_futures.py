"""What a keeper makes of a futures account: wallets and positions compared, trades of nobody's netted, funding, liquidations."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Notification
from common.clock import market_now
from common.errors import DomainError
from markets.gateway.protocol import Side as VenueSide
from portfolios.margin_models import AccountFunding, FundingPayment, MarginMode
from portfolios.models import AccountBalance, LedgerLine, Portfolio, Position, RemainderEntry, RemainderReason
from tests.fixtures_usdm import Futures
from trading.liquidation_ladder import LiquidationLadder
from trading.models import CauseKind, Fill, ForeignFill, Leg, Order, OrderState, Side
from trading.services.assigning import assign_fill
from trading.services.funding import run_funding
from trading.services.liquidation import liquidate
from trading.signer.keeping import Keeper

D = Decimal
SYMBOL = "BTC/USDT:USDT"


def _held(book: Portfolio) -> Decimal:
    held: Decimal = Position.objects.get(portfolio=book).quantity
    return held


def _nobodys(futures: Futures) -> AccountBalance:
    return AccountBalance.objects.get(account=futures.account, asset=SYMBOL)


def _paid(book: Portfolio) -> Decimal:
    return sum((one.amount for one in FundingPayment.objects.filter(portfolio=book)), D(0))


# --- compared -------------------------------------------------------------------------------------------------------
def test_portfolios_that_share_a_position_agree_though_the_venue_knows_one_price(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.done(one, quantity="0.02")
    futures.booth.trade_at(D(61_000))
    futures.done(two)
    costs = [row.cost / row.quantity for row in Position.objects.order_by("portfolio")]
    assert costs[0] != costs[1]
    assert futures.settle()
    # Their own prices differ from the venue's average: so do realized profits, and nothing is a difference.
    futures.closed(one)
    assert futures.settle()
    reasons = set(RemainderEntry.objects.values_list("reason", flat=True))
    assert reasons <= {RemainderReason.FIRST, RemainderReason.PORTFOLIO, RemainderReason.ROUNDING}
    futures.closed(two)
    assert futures.settle()
    reasons = set(RemainderEntry.objects.values_list("reason", flat=True))
    assert reasons <= {RemainderReason.FIRST, RemainderReason.PORTFOLIO, RemainderReason.ROUNDING}
    futures.agree()


def test_an_unrealized_profit_is_no_difference(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    assert futures.settle()
    count = RemainderEntry.objects.count()
    futures.booth.trade_at(D(70_000))
    assert futures.settle()
    assert RemainderEntry.objects.count() == count


def test_a_position_that_differs_is_an_entry_when_seen_twice_and_its_owner_is_told(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    assert futures.settle()
    keeper, count = Keeper(futures.booth.desk, futures.account.pk), RemainderEntry.objects.count()
    assert futures.booth.loop.run(keeper.reconcile())
    # A contract that no trade tells of.
    held = futures.at_venue()
    held.state = type(held.state)(D("0.03"), held.state.cost * 3, held.state.realized_pnl, held.state.fees_paid)
    assert not futures.booth.loop.run(keeper.reconcile())
    assert RemainderEntry.objects.count() == count
    assert futures.booth.loop.run(keeper.reconcile())
    entry = RemainderEntry.objects.get(asset=SYMBOL)
    assert (entry.reason, entry.amount, _nobodys(futures).remainder) == (RemainderReason.UNKNOWN, D("0.02"), D("0.02"))
    [told] = Notification.objects.filter(event="exchange_account.position_differs")
    assert (told.user, told.context["symbols"]) == (book.owner, SYMBOL)
    assert _held(book) == D("0.01")
    assert futures.settle()
    futures.agree()


# --- trades of nobody's ---------------------------------------------------------------------------------------------
def test_what_nobodys_trade_opens_is_in_no_portfolio_until_its_owner_gives_it_to_one(futures: Futures) -> None:
    book = futures.book()
    futures.trade(VenueSide.BUY, "0.02")
    assert futures.settle()
    futures.agree()
    fill = ForeignFill.objects.get()
    row = _nobodys(futures)
    assert (row.remainder, row.cost) == (D("0.02"), fill.quantity * fill.price)
    order = assign_fill(actor=book.owner, fill=fill, portfolio=book)
    row.refresh_from_db()
    assert (row.remainder, row.cost) == (0, 0)
    assert (order.leg, order.cause_kind, _held(book)) == (Leg.OPEN, CauseKind.VENUE, D("0.02"))
    assert Position.objects.get(portfolio=book).cost == fill.quantity * fill.price
    with pytest.raises(DomainError, match="FILL_ASSIGNED"):
        assign_fill(actor=book.owner, fill=fill, portfolio=book)
    assert futures.settle()
    futures.agree()


def test_a_portfolio_without_the_margin_does_not_get_it(futures: Futures) -> None:
    poor = futures.book(amount=10)
    futures.trade(VenueSide.BUY, "0.02")
    assert futures.settle()
    with pytest.raises(DomainError, match="NOT_COVERED"):
        assign_fill(actor=poor.owner, fill=ForeignFill.objects.get(), portfolio=poor)
    assert not Order.objects.exists()


def test_nobodys_trade_closes_what_portfolios_hold_by_how_much(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.done(one, quantity="0.01")
    futures.done(two, quantity="0.03")
    assert futures.settle()
    futures.trade(VenueSide.SELL, "0.02")
    for _ in range(2):
        assert futures.settle()
    assert (_held(one), _held(two)) == (D("0.005"), D("0.015"))
    orders = list(Order.objects.filter(cause_kind=CauseKind.VENUE).order_by("portfolio"))
    assert [(order.state, order.leg, order.side) for order in orders] == [(OrderState.FILLED, Leg.CLOSE, Side.SELL)] * 2
    assert not ForeignFill.objects.exists()
    assert Notification.objects.filter(event="exchange_account.closed_at_venue").count() == 2
    futures.agree()


def test_what_is_in_no_portfolio_is_closed_first(futures: Futures) -> None:
    book = futures.book()
    futures.terms(book, 1, MarginMode.CROSS)
    futures.trade(VenueSide.BUY, "0.01")
    assert futures.settle()
    futures.done(book)
    futures.trade(VenueSide.SELL, "0.015")
    assert futures.settle()
    assert (_nobodys(futures).remainder, _held(book)) == (D(0), D("0.005"))
    assert set(ForeignFill.objects.values_list("side", "quantity")) == {("BUY", D("0.01")), ("SELL", D("0.01"))}
    # While both were open the venue knew one price for them.
    futures.closed(book)
    assert futures.settle()
    futures.agree()


def test_what_goes_beyond_opens_the_other_side_in_no_portfolio(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    futures.trade(VenueSide.SELL, "0.03")
    assert futures.settle()
    fill = ForeignFill.objects.get()
    assert (_held(book), fill.quantity, _nobodys(futures).remainder) == (D(0), D("0.02"), D("-0.02"))
    closed = Fill.objects.get(order__cause_kind=CauseKind.VENUE)
    assert (closed.quantity, closed.fee + fill.fee > closed.fee) == (D("0.01"), True)
    futures.agree()
    futures.trade(VenueSide.BUY, "0.02")
    assert futures.settle()
    assert (_nobodys(futures).remainder, _nobodys(futures).cost) == (0, 0)
    futures.agree()


# --- what the venue does by itself ----------------------------------------------------------------------------------
def test_funding_is_booked_once_by_what_each_held(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.done(one, quantity="0.01")
    futures.done(two, quantity="0.03")
    assert futures.settle()
    futures.fund()
    for _ in range(2):
        assert futures.settle()
    paid = AccountFunding.objects.get()
    assert paid.amount == -(_paid(one) + _paid(two)) != 0
    assert abs(_paid(two) - 3 * _paid(one)) < D("1e-17")
    assert not RemainderEntry.objects.filter(reason=RemainderReason.FUNDING).exists()
    payment = FundingPayment.objects.get(portfolio=one)
    assert (payment.quantity, payment.mark, payment.rate) == (D("0.01"), None, None)
    futures.agree()
    futures.fund()
    assert futures.settle()
    assert AccountFunding.objects.count() == 2
    futures.agree()


def test_pages_show_funding_that_names_no_rate_and_positions_of_the_account(futures: Futures, client: Client) -> None:
    book = futures.book()
    futures.done(book)
    futures.fund()
    assert futures.settle()
    client.force_login(book.owner)
    page = client.get(reverse("portfolios:funding", args=[book.pk])).content.decode()
    assert (
        'data-label="Mark" class="cell-num num">–<' in page,
        'data-label="Rate" class="cell-num num">–<' in page,
    ) == (
        True,
        True,
    )
    told = client.get(f"/api/v1/portfolios/{book.pk}/funding/").json()["results"]
    assert [(one["mark"], one["rate"], D(one["amount"])) for one in told] == [(None, None, _paid(book))]
    page = client.get(reverse("exchange_accounts:detail", args=[futures.account.pk])).content.decode()
    assert f'<th scope="row">{SYMBOL}</th>' in page


def test_funding_goes_to_who_held_at_its_time(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.done(one)
    futures.fund()
    futures.closed(one)
    futures.done(two)
    assert futures.settle()
    assert (_paid(one) != 0, FundingPayment.objects.filter(portfolio=two).exists()) == (True, False)
    futures.agree()


def test_funding_of_what_is_in_no_portfolio_is_the_remainders(futures: Futures) -> None:
    futures.trade(VenueSide.BUY, "0.03")
    assert futures.settle()
    futures.fund()
    assert futures.settle()
    entry = RemainderEntry.objects.get(reason=RemainderReason.FUNDING)
    assert (entry.asset, entry.amount) == ("USDT", AccountFunding.objects.get().amount)
    assert not FundingPayment.objects.exists()
    futures.agree()


def test_a_liquidation_at_the_venue_closes_the_portfolios_position(futures: Futures) -> None:
    book = futures.book()
    futures.terms(book, 20)
    futures.done(book, quantity="0.1")
    assert futures.settle()
    futures.liquidate()
    assert futures.at_venue().quantity == 0
    for _ in range(2):
        assert futures.settle()
    assert (_held(book), Position.objects.get(portfolio=book).margin) == (D(0), D(0))
    # One of each trade in which the venue closed it: how many those are is up to what stands in its book.
    closes = Order.objects.filter(cause_kind=CauseKind.VENUE)
    assert {(order.leg, order.state) for order in closes} == {(Leg.CLOSE, OrderState.FILLED)}
    assert sum(order.filled_quantity for order in closes) == D("0.1")
    told = Notification.objects.filter(event="exchange_account.closed_at_venue", user=book.owner)
    assert sorted(D(one.context["quantity"]) for one in told) == sorted(order.filled_quantity for order in closes)
    assert not LedgerLine.objects.filter(account="INSURANCE").exists()
    futures.agree()


def test_what_is_emulated_on_paper_leaves_accounts_alone(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    assert run_funding(namespace=book.namespace, until=market_now(book.namespace)) == 0
    assert not FundingPayment.objects.exists()
    # By our arithmetic it would be gone.
    Position.objects.filter(portfolio=book).update(cost=D(1_000_000))
    futures.booth.price()
    assert liquidate(portfolio_id=book.pk) == []
    ladder = LiquidationLadder(book.namespace)
    ladder.refresh()
    assert (ladder.watched(), Order.objects.count()) == ([], 1)
