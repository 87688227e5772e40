"""Who may see a portfolio, and what it is worth."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import set_market_time
from common.errors import DomainError, NotFound
from markets.models import InstrumentState
from markets.prices import Price
from portfolios import selectors
from portfolios.models import Balance, LedgerLine, Portfolio, PortfolioState, Position
from portfolios.selectors import Worth, portfolio_for_user, portfolios_of, worth_of
from portfolios.services.cash import deposit, transfer, withdraw
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import plain

D = Decimal


# --- the gate -------------------------------------------------------------------------------------------------------
def test_only_its_owner_gets_a_portfolio(desk: Desk, alice: User, bob: User, charlie: User, operator: User) -> None:
    portfolio = desk.portfolio(alice)
    desk.portfolio(bob)
    for spelling in (portfolio.pk, str(portfolio.pk), portfolio.pk.hex):
        assert portfolio_for_user(alice, spelling) == portfolio
    for stranger in (bob, charlie, operator, AnonymousUser(), None):
        with pytest.raises(NotFound) as refusal:
            portfolio_for_user(stranger, portfolio.pk)
        assert (refusal.value.status, refusal.value.message) == (404, "There is no such portfolio.")


@pytest.mark.parametrize("wrong", ["", "1", "main", "../1", "00000000-0000-7000-8000-000000000000", "\x00"])
def test_what_is_no_portfolio_answers_like_anothers(desk: Desk, alice: User, wrong: str) -> None:
    desk.portfolio(alice)
    with pytest.raises(NotFound):
        portfolio_for_user(alice, wrong)


def test_a_closed_portfolio_can_be_looked_at_and_is_not_listed(desk: Desk, alice: User, bob: User) -> None:
    first, second, closed = (desk.portfolio(alice, name=name) for name in ("B", "A", "C"))
    desk.portfolio(bob)
    Portfolio.objects.filter(pk=closed.pk).update(state=PortfolioState.CLOSED)
    assert portfolio_for_user(alice, closed.pk) == closed
    assert list(portfolios_of(alice)) == [first, second]


# --- lists ----------------------------------------------------------------------------------------------------------
def test_books_can_be_opened_where_something_is_traded(desk: Desk) -> None:
    desk.instrument("BTC")
    desk.instrument("ETH")
    desk.instrument("BTC", "EUR")
    retired = desk.instrument("BTC", "GBP")
    retired.state = InstrumentState.RETIRED
    retired.save()
    mine = [(exchange, asset.code) for exchange, asset in selectors.openable_markets() if exchange == desk.exchange]
    assert mine == [(desk.exchange, "EUR"), (desk.exchange, "USDT")]
    assert selectors.openable_market(desk.exchange.code, "EUR")[1].code == "EUR"
    for exchange, asset in [(desk.exchange.code, "GBP"), ("nowhere", "USDT")]:
        with pytest.raises(DomainError) as refusal:
            selectors.openable_market(exchange, asset)
        assert refusal.value.code == "MARKET_UNKNOWN"


def test_money_can_be_moved_to_ones_other_open_portfolios_of_the_market(desk: Desk, alice: User, bob: User) -> None:
    source, target, frozen, locked = (desk.portfolio(alice, name=name) for name in "ABCD")
    desk.portfolio(bob)
    Desk().portfolio(alice, name="Elsewhere")
    Portfolio.objects.filter(pk=frozen.pk).update(state=PortfolioState.FROZEN)
    Portfolio.objects.filter(pk=locked.pk).update(cash_is_locked=True)
    assert list(selectors.transfer_targets(source)) == [target]


def test_a_portfolio_opens_what_its_market_currency_and_list_allow(desk: Desk, alice: User) -> None:
    bitcoin, ether, _ = desk.instrument("BTC"), desk.instrument("ETH"), desk.instrument("BTC", "EUR")
    Desk().instrument("DOGE")
    free = desk.portfolio(alice)
    restricted = desk.portfolio(alice, name="Restricted", only_instruments=[ether])
    assert list(selectors.instruments_for(free)) == [bitcoin, ether]
    assert list(selectors.instruments_for(restricted)) == [ether]


# --- worth ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def book(desk: Desk, alice: User) -> Portfolio:
    """1,000 USDT in cash, 100 of it promised; 2 BTC bought for 200, 4 ETH for 40, DOGE sold at a profit of 7."""
    book = desk.portfolio(alice, 1000)
    Balance.objects.filter(portfolio=book).update(reserved=D(100))
    rows = [("BTC", 2, 200, 0, 1), ("ETH", 4, 40, 3, 2), ("DOGE", 0, 0, 7, 4)]
    for base, quantity, cost, realized, fees in rows:
        Position.objects.create(
            portfolio=book,
            instrument=desk.instrument(base),
            quantity=D(quantity),
            cost=D(cost),
            realized_pnl=D(realized),
            fees_paid=D(fees),
        )
        # Holdings in kind are not cash.
        Balance.objects.create(portfolio=book, asset_id=base, amount=D(quantity))
    return book


def prices(desk: Desk, **newest: int) -> None:
    held = {one.instrument.market.base_id: one.instrument for one in Position.objects.all()}
    desk.step({held[base]: price for base, price in newest.items()})


def told(*amounts: Decimal) -> list[str]:
    return [plain(amount) for amount in amounts]


def test_equity_is_cash_and_what_is_held_at_the_newest_prices(desk: Desk, book: Portfolio) -> None:
    prices(desk, BTC=150, ETH=5, DOGE=99)
    worth = worth_of([book])[book.pk]
    assert told(worth.cash, worth.reserved, worth.free) == ["1000", "100", "900"]
    assert told(worth.exposure, worth.held_worth, worth.equity) == ["320", "320", "1320"]
    assert told(worth.unrealized_pnl, worth.realized_pnl, worth.fees_paid, worth.profit) == ["80", "10", "7", "83"]
    assert not worth.is_stale
    assert told(*(one.value for one in worth.holdings)) == ["300", "20"]
    assert [one.average_price for one in worth.holdings] == [100, 10]


def test_given_prices_rule_and_the_newest_stand_in_for_the_rest(desk: Desk, book: Portfolio) -> None:
    prices(desk, BTC=150, ETH=5)
    bitcoin = Position.objects.get(portfolio=book, instrument__symbol="BTC-USDT").instrument_id
    assert worth_of([book], {bitcoin: Price(D(1000), NOON)})[book.pk].equity == 3020
    assert worth_of([book])[book.pk].equity == 1320


def test_without_a_price_a_position_counts_at_its_cost_and_is_stale(desk: Desk, book: Portfolio) -> None:
    prices(desk, BTC=150)
    worth = worth_of([book])[book.pk]
    assert (told(worth.exposure, worth.unrealized_pnl), worth.is_stale) == (["340", "100"], True)


@pytest.mark.parametrize(("seconds", "is_stale"), [(60, False), (61, True)])
def test_prices_are_stale_after_a_minute_of_market_time(
    desk: Desk, book: Portfolio, seconds: int, is_stale: bool
) -> None:
    prices(desk, BTC=150, ETH=5)
    set_market_time(desk.namespace, NOON + timedelta(seconds=seconds))
    assert worth_of([book])[book.pk].is_stale is is_stale


def test_without_positions_nothing_is_stale(desk: Desk, alice: User) -> None:
    empty = desk.portfolio(alice, 5)
    assert worth_of([empty]) == {empty.pk: Worth(cash=D(5))}
    assert worth_of([]) == {}


def test_many_portfolios_are_valued_in_two_statements(desk: Desk, book: Portfolio, alice: User) -> None:
    others = [desk.portfolio(alice, 1, name=str(number)) for number in range(15)]
    prices(desk, BTC=150, ETH=5)
    with CaptureQueriesContext(connection) as statements:
        worth = worth_of([book, *others])
    assert len(statements) == 2
    assert told(worth[book.pk].equity, worth[others[3].pk].equity) == ["1320", "1"]


def test_net_deposits_are_what_was_put_in(desk: Desk, alice: User) -> None:
    first, second = desk.portfolio(alice, 100, name="First"), desk.portfolio(alice, 0, name="Second")
    deposit(actor=alice, portfolio=first, amount=D(50))
    withdraw(actor=alice, portfolio=first, amount=D(20))
    transfer(actor=alice, source=first, target=second, amount=D(30))
    assert selectors.net_deposits([first.pk, second.pk]) == {first.pk: 100, second.pk: 30}


# --- the proof ------------------------------------------------------------------------------------------------------
def test_the_proof_finds_a_line_that_was_changed(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)
    assert (selectors.ledger_sums_zero(), selectors.balances_equal_entries()) == ([], [])
    line = LedgerLine.objects.get(account="EXTERNAL")
    LedgerLine.objects.filter(pk=line.pk).update(amount=D("-100.000000000000000001"))
    [error] = selectors.ledger_sums_zero()
    assert (error.check, error.portfolio_id) == ("ledger_sums_zero", portfolio.pk)
    assert error.detail == f"booking {line.booking_id} leaves -0.000000000000000001 USDT"
    [error] = selectors.net_deposits_equal_entries()
    assert (error.portfolio_id, error.check) == (portfolio.pk, "net_deposits_equal_entries")
    assert selectors.balances_equal_entries() == []


def test_the_proof_finds_a_balance_that_was_changed_or_has_no_entries(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)
    desk.instrument("BTC")
    Balance.objects.create(portfolio=portfolio, asset_id="BTC", amount=D(1))
    Balance.objects.filter(portfolio=portfolio, asset_id="USDT").update(amount=D(99))
    assert {error.detail.split(":")[0] for error in selectors.balances_equal_entries()} == {"BTC", "USDT"}
    assert selectors.ledger_sums_zero() == []


def test_the_proof_finds_a_balance_that_is_missing(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)
    Balance.objects.all().delete()
    [error] = selectors.balances_equal_entries()
    assert (error.portfolio_id, error.detail) == (portfolio.pk, "USDT: balance 0, entries 100")
