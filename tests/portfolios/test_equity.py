"""Equity snapshots: exact, once, kept as long as said, and of one moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.bus import bus
from common.clock import set_market_time
from common.ids import new_id
from common.realtime import CHANNEL
from markets.models import Instrument
from portfolios.models import EquitySnapshot, Portfolio, PortfolioState, SnapshotGrain
from portfolios.selectors import equity_curve
from portfolios.services.books import FillBooking, book_fills, lock_portfolios
from portfolios.services.cash import deposit
from portfolios.services.equity import take_snapshots
from portfolios.tasks import take_due_snapshots
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import at_once, plain

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def buy(portfolio: Portfolio, instrument: Instrument, change: int, price: int = 100) -> None:
    booking = FillBooking(
        fill_id=new_id(),
        portfolio_id=portfolio.pk,
        instrument=instrument,
        change=Decimal(change),
        price=Decimal(price),
        fee=Decimal(0),
        release=Decimal(0),
        happened_at=NOON,
        recorded_at=NOON,
    )
    with transaction.atomic():
        book_fills(lock_portfolios([portfolio.pk]), [booking])


def stored(portfolio: Portfolio) -> list[tuple[str, datetime, str, str]]:
    rows = EquitySnapshot.objects.filter(portfolio=portfolio).order_by("at", "grain")
    return [(row.grain, row.at, plain(row.equity), plain(row.net_deposits)) for row in rows]


def test_a_snapshot_tells_equity_and_contributed_capital_at_the_whole_minute(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    desk.step({bitcoin: 100})
    buy(portfolio, bitcoin, 2)
    deposit(actor=alice, portfolio=portfolio, amount=Decimal(50))
    desk.step({bitcoin: "130.5"})
    assert take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=7, seconds=59, microseconds=9)) == 1
    assert stored(portfolio) == [("MINUTE", NOON + timedelta(minutes=7), "1111", "1050")]


def test_a_repeat_is_a_no_op(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 1000)
    assert take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=1)) == 1
    deposit(actor=alice, portfolio=portfolio, amount=Decimal(50))
    assert take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=1, seconds=30)) == 0
    assert stored(portfolio) == [("MINUTE", NOON + timedelta(minutes=1), "1000", "1000")]


@pytest.mark.parametrize(
    ("at", "grains"),
    [
        (NOON + timedelta(minutes=1), ["MINUTE"]),
        (NOON, ["HOUR", "MINUTE"]),
        (MIDNIGHT, ["DAY", "HOUR", "MINUTE"]),
        (MIDNIGHT + timedelta(minutes=30), ["MINUTE"]),
    ],
)
def test_whole_hours_and_days_are_kept_beside_the_minutes(
    desk: Desk, alice: User, at: datetime, grains: list[str]
) -> None:
    portfolio = desk.portfolio(alice, 10)
    assert take_snapshots(namespace=desk.namespace, at=at) == len(grains)
    assert [grain for grain, *_ in stored(portfolio)] == grains


def test_minutes_are_kept_for_a_day_hours_for_a_year_and_days_forever(desk: Desk, alice: User) -> None:
    portfolio, elsewhere = desk.portfolio(alice, 10), Desk().portfolio(alice, 10, name="Elsewhere")
    moments = {
        SnapshotGrain.MINUTE: [timedelta(days=1, minutes=1), timedelta(days=1)],
        SnapshotGrain.HOUR: [timedelta(days=365, hours=1), timedelta(days=365)],
        SnapshotGrain.DAY: [timedelta(days=9000)],
    }
    for book in (portfolio, elsewhere):
        for grain, ages in moments.items():
            for age in ages:
                EquitySnapshot.objects.create(portfolio=book, grain=grain, at=MIDNIGHT - age, equity=1, net_deposits=1)
    take_snapshots(namespace=desk.namespace, at=MIDNIGHT)
    assert [(grain, MIDNIGHT - at) for grain, at, *_ in stored(portfolio)] == [
        ("DAY", timedelta(days=9000)),
        ("HOUR", timedelta(days=365)),
        ("MINUTE", timedelta(days=1)),
        ("DAY", timedelta(0)),
        ("HOUR", timedelta(0)),
        ("MINUTE", timedelta(0)),
    ]
    # Another market's time is another.
    assert len(stored(elsewhere)) == 5


def test_closed_portfolios_and_other_markets_are_left_alone(desk: Desk, alice: User) -> None:
    closed, frozen = desk.portfolio(alice, 1, name="Closed"), desk.portfolio(alice, 2, name="Frozen")
    Portfolio.objects.filter(pk=closed.pk).update(state=PortfolioState.CLOSED)
    Portfolio.objects.filter(pk=frozen.pk).update(state=PortfolioState.FROZEN)
    Desk().portfolio(alice, 3, name="Elsewhere")
    assert take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=1)) == 1
    assert EquitySnapshot.objects.get().portfolio_id == frozen.pk


def test_the_task_takes_each_market_at_its_own_time(desk: Desk, alice: User) -> None:
    here, there = desk.portfolio(alice, 1), Desk()
    elsewhere = there.portfolio(alice, 2, name="Elsewhere")
    set_market_time(desk.namespace, NOON + timedelta(minutes=3, seconds=5))
    set_market_time(there.namespace, NOON + timedelta(days=2, minutes=9))
    take_due_snapshots()
    take_due_snapshots()
    assert stored(here) == [("MINUTE", NOON + timedelta(minutes=3), "1", "1")]
    assert stored(elsewhere) == [("MINUTE", NOON + timedelta(days=2, minutes=9), "2", "2")]


@pytest.mark.django_db(transaction=True)
def test_an_open_page_hears_of_it(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 1000)
    with bus().listen(CHANNEL) as heard:
        take_snapshots(namespace=desk.namespace, at=NOON)
        message = heard.get(2)
    assert message is not None
    [[topic, payload]] = message[1]
    assert topic == f"portfolio:{portfolio.pk}"
    assert payload["series"] == {"equity": {"time": int(NOON.timestamp()), "value": 1000.0}}
    assert payload["cells"]["equity"] == "1,000.00"


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_is_of_one_moment_while_fills_are_booked(desk: Desk, alice: User) -> None:
    portfolio, bitcoin = desk.portfolio(alice, 1000), desk.instrument()
    desk.step({bitcoin: 100})

    def trade() -> None:
        for _ in range(60):
            buy(portfolio, bitcoin, 5)
            buy(portfolio, bitcoin, -5)

    def look() -> None:
        for minute in range(150):
            take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=minute))

    assert at_once(trade, look) == [None, None]
    assert {plain(row.equity) for row in EquitySnapshot.objects.all()} == {"1000"}


# --- the curve ------------------------------------------------------------------------------------------------------
def test_the_curve_is_the_finest_that_is_kept_without_overlap(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 0)
    facts = [
        (SnapshotGrain.DAY, MIDNIGHT, 1),
        (SnapshotGrain.DAY, MIDNIGHT + timedelta(days=1), 2),
        (SnapshotGrain.HOUR, MIDNIGHT + timedelta(days=1), 2),
        (SnapshotGrain.HOUR, MIDNIGHT + timedelta(days=1, hours=1), 3),
        (SnapshotGrain.MINUTE, MIDNIGHT + timedelta(days=1, hours=1), 3),
        (SnapshotGrain.MINUTE, MIDNIGHT + timedelta(days=1, hours=1, minutes=1), 4),
    ]
    for grain, at, equity in facts:
        EquitySnapshot.objects.create(portfolio=portfolio, grain=grain, at=at, equity=equity, net_deposits=0)
    assert [(at - MIDNIGHT, int(equity)) for at, equity in equity_curve(portfolio)] == [
        (timedelta(0), 1),
        (timedelta(days=1), 2),
        (timedelta(days=1, hours=1), 3),
        (timedelta(days=1, hours=1, minutes=1), 4),
    ]
    assert [equity for _, equity in equity_curve(portfolio, limit=2)] == [3, 4]


def test_a_minute_stored_already_looks_for_nothing_to_delete(desk: Desk, alice: User) -> None:
    desk.portfolio(alice)
    assert take_snapshots(namespace=desk.namespace, at=NOON) == 3 - 1
    with CaptureQueriesContext(connection) as statements:
        assert take_snapshots(namespace=desk.namespace, at=NOON) == 0
    assert not [one["sql"] for one in statements if one["sql"].startswith("DELETE")]
