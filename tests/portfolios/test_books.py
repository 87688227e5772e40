"""Booking fills and promises: a batch does what its fills do one by one, and no cash is promised twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from common.ids import new_id
from engine.positions import PositionState, apply_fill
from markets.models import Instrument
from portfolios.models import Balance, LedgerLine, Portfolio, Position
from portfolios.selectors import balances_equal_entries, ledger_sums_zero
from portfolios.services.books import Booked, FillBooking, Reservation, book_fills, lock_portfolios, reserve
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import at_once, plain

D = Decimal


def fill(
    portfolio: Portfolio, instrument: Instrument, change: str, price: str, fee: str = "0", **facts: Any
) -> FillBooking:
    booking = FillBooking(
        fill_id=new_id(),
        portfolio_id=portfolio.pk,
        instrument=instrument,
        change=D(change),
        price=D(price),
        fee=D(fee),
        release=D(0),
        happened_at=NOON,
        recorded_at=NOON + timedelta(seconds=1),
    )
    return replace(booking, **facts)


def book(*bookings: FillBooking) -> dict[UUID, Booked]:
    with transaction.atomic():
        return book_fills(lock_portfolios(one.portfolio_id for one in bookings), bookings)


def balances(portfolio: Portfolio) -> dict[str, tuple[str, str]]:
    rows = Balance.objects.filter(portfolio=portfolio)
    return {row.asset_id: (plain(row.amount), plain(row.reserved)) for row in rows}


def position(portfolio: Portfolio, instrument: Instrument) -> tuple[str, ...]:
    row = Position.objects.get(portfolio=portfolio, instrument=instrument)
    return tuple(plain(one) for one in (row.quantity, row.cost, row.realized_pnl, row.fees_paid))


def test_a_fill_moves_both_assets_and_the_position_and_sums_to_zero(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    one = fill(portfolio, bitcoin, "2", "100", "0.5")
    assert book(one) == {one.fill_id: Booked(number=1, closed_fraction=D(0), held=D(2))}
    assert balances(portfolio) == {"USDT": ("799.5", "0"), "BTC": ("2", "0")}
    assert position(portfolio, bitcoin) == ("2", "200", "0", "0.5")
    lines = LedgerLine.objects.filter(booking_id=one.fill_id).order_by("pk")
    assert {(line.kind, line.portfolio_id, line.happened_at, line.recorded_at) for line in lines} == {
        ("FILL", portfolio.pk, NOON, NOON + timedelta(seconds=1))
    }
    assert [(line.account, line.asset_id, plain(line.amount)) for line in lines] == [
        ("HOLDINGS", "BTC", "2"),
        ("MARKET", "BTC", "-2"),
        ("HOLDINGS", "USDT", "-200.5"),
        ("MARKET", "USDT", "200"),
        ("FEES", "USDT", "0.5"),
    ]


def test_a_fill_without_a_fee_has_no_line_for_it(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    one = fill(portfolio, bitcoin, "1", "100")
    book(one)
    assert set(LedgerLine.objects.filter(booking_id=one.fill_id).values_list("account", flat=True)) == {
        "HOLDINGS",
        "MARKET",
    }


def test_fills_are_numbered_by_portfolio_in_their_order_and_say_what_they_closed(
    desk: Desk, alice: User, bob: User
) -> None:
    bitcoin = desk.instrument()
    mine, theirs = desk.portfolio(alice, 1000), desk.portfolio(bob, 1000)
    first = [fill(mine, bitcoin, "4", "100"), fill(theirs, bitcoin, "1", "100"), fill(mine, bitcoin, "-1", "110")]
    booked = book(*first)
    assert [booked[one.fill_id] for one in first] == [
        Booked(1, D(0), D(4)),
        Booked(1, D(0), D(1)),
        Booked(2, D("0.25"), D(3)),
    ]
    last = fill(mine, bitcoin, "-3", "90")
    assert book(last) == {last.fill_id: Booked(3, D(1), D(0))}
    assert position(mine, bitcoin) == ("0", "0", "-20", "0")
    assert Portfolio.objects.get(pk=mine.pk).fill_count == 3


def test_the_last_of_a_promise_is_freed_with_what_it_bought(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    reserve([Reservation(portfolio.pk, "USDT", D("210"))])
    book(fill(portfolio, bitcoin, "2", "100", "0.5", release=D("210")))
    assert balances(portfolio) == {"USDT": ("799.5", "0"), "BTC": ("2", "0")}
    reserve([Reservation(portfolio.pk, "BTC", D(2))])
    book(fill(portfolio, bitcoin, "-1", "100", release=D(1)))
    assert balances(portfolio) == {"USDT": ("899.5", "0"), "BTC": ("1", "1")}


def test_a_booking_comes_once(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    one = fill(portfolio, bitcoin, "1", "100")
    book(one)
    with pytest.raises(IntegrityError), transaction.atomic():
        book(one)
    assert balances(portfolio) == {"USDT": ("900", "0"), "BTC": ("1", "0")}
    assert Portfolio.objects.get(pk=portfolio.pk).fill_count == 1


# --- promises -------------------------------------------------------------------------------------------------------
def test_promises_add_up_and_are_released(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)
    reserve([Reservation(portfolio.pk, "USDT", D("30.5")), Reservation(portfolio.pk, "USDT", D("69.5"))])
    assert balances(portfolio) == {"USDT": ("100", "100")}
    reserve([Reservation(portfolio.pk, "USDT", D("-69.5"))])
    assert balances(portfolio) == {"USDT": ("100", "30.5")}


@pytest.mark.parametrize("amount", ["0.000000000000000001", "-30.000000000000000001"])
def test_nothing_is_promised_beyond_what_is_there_or_released_beyond_what_is_promised(
    desk: Desk, alice: User, amount: str
) -> None:
    portfolio = desk.portfolio(alice, 100)
    reserve([Reservation(portfolio.pk, "USDT", D(100))])
    reserve([Reservation(portfolio.pk, "USDT", D(-70))])
    over = D(70) + D(amount) if D(amount) > 0 else D(amount)
    with pytest.raises(IntegrityError), transaction.atomic():
        reserve([Reservation(portfolio.pk, "USDT", over)])
    assert balances(portfolio) == {"USDT": ("100", "30")}


def test_what_is_not_held_cannot_be_promised(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)
    desk.instrument()
    with pytest.raises(IntegrityError), transaction.atomic():
        reserve([Reservation(portfolio.pk, "BTC", D(1))])
    assert balances(portfolio) == {"USDT": ("100", "0")}


def test_a_fill_may_not_spend_what_others_were_promised(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 100), desk.instrument()
    reserve([Reservation(portfolio.pk, "USDT", D(60))])
    with pytest.raises(IntegrityError), transaction.atomic():
        book(fill(portfolio, bitcoin, "1", "41"))
    assert LedgerLine.objects.filter(kind="FILL").count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_promises_of_the_same_money_at_the_same_time_are_one(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100)

    def promise() -> str:
        with transaction.atomic():
            lock_portfolios([portfolio.pk])
            free = Balance.objects.get(portfolio=portfolio).free
            reserve([Reservation(portfolio.pk, "USDT", D(100))] if free >= 100 else [])
            return plain(free)

    assert sorted(at_once(promise, promise, promise)) == ["0", "0", "100"]
    assert balances(portfolio) == {"USDT": ("100", "100")}


# --- batches --------------------------------------------------------------------------------------------------------
# Whose, of which instrument, how much, at what price, with what fee.
Line = tuple[int, int, int, int, int]
figures = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(-50, 100), st.integers(1, 300), st.integers(0, 5))


def covered(rows: list[Line]) -> list[Line]:
    """Return the rows with sales cut down to what is held, as in a spot book."""
    held: dict[tuple[int, int], int] = {}
    found = []
    for whose, which, wished, price, fee in rows:
        change = max(wished, -held.get((whose, which), 0)) or 1
        held[whose, which] = held.get((whose, which), 0) + change
        found.append((whose, which, change, price, fee))
    return found


def told(portfolios: list[Portfolio]) -> list[Any]:
    """Return all that the books say of these portfolios."""
    lines = LedgerLine.objects.filter(portfolio__in=portfolios).order_by("portfolio", "pk")
    held = Position.objects.filter(portfolio__in=portfolios).order_by("portfolio", "instrument")
    return [
        [balances(one) for one in portfolios],
        list(lines.values_list("account", "asset", "amount")),
        list(held.values_list("quantity", "cost", "realized_pnl", "fees_paid")),
    ]


@given(rows=st.lists(figures, min_size=1, max_size=12).map(covered))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_books_what_its_fills_book_one_by_one(desk: Desk, alice: User, bob: User, rows: list[Line]) -> None:
    with transaction.atomic():
        instruments = [desk.instrument(f"A{new_id().hex[-9:]}") for _ in range(2)]

        def made() -> tuple[list[Portfolio], list[FillBooking]]:
            portfolios = [desk.portfolio(owner, 10**6, new_id().hex) for owner in (alice, bob)]
            facts = [(whose, which, str(change), str(price), str(fee)) for whose, which, change, price, fee in rows]
            return portfolios, [fill(portfolios[whose], instruments[which], *rest) for whose, which, *rest in facts]

        mine, bookings = made()
        at_a_time = book(*bookings)
        others, copies = made()
        one_by_one = {key: done for one in copies for key, done in book(one).items()}
        assert [at_a_time[one.fill_id] for one in bookings] == [one_by_one[one.fill_id] for one in copies]
        assert told(mine) == told(others)
        assert (ledger_sums_zero(), balances_equal_entries()) == ([], [])
        transaction.set_rollback(True)


def test_a_position_in_the_books_is_the_engines(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 10_000), desk.instrument()
    made = [("3", "10.01"), ("0.333", "77.77"), ("-1.111", "50.5"), ("-2", "9.99")]
    book(*(fill(portfolio, bitcoin, change, price, "0.25") for change, price in made))
    state = PositionState()
    for change, price in made:
        state = apply_fill(state, change=D(change), price=D(price), fee=D("0.25"))
    held = (state.quantity, state.cost, state.realized_pnl, state.fees_paid)
    assert position(portfolio, bitcoin) == tuple(plain(one) for one in held)


def test_statements_do_not_grow_with_the_fills(desk: Desk, alice: User) -> None:
    bitcoin = desk.instrument()
    counts = []
    for size in (1, 40):
        portfolio = desk.portfolio(alice, 10**6, name=f"{size}")
        bookings = [fill(portfolio, bitcoin, "1", "100") for _ in range(size)]
        for _ in range(2):  # the second time the rows are there already
            locked = lock_portfolios([portfolio.pk])
            with CaptureQueriesContext(connection) as statements:
                book_fills(locked, [replace(one, fill_id=new_id()) for one in bookings])
            counts.append(len(statements))
    assert counts == [7, 6, 7, 6]
