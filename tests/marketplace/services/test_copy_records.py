"""Records of copying: followers' money first, each hour and each copy counted once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from marketplace import selectors
from marketplace.models import CopyRecord, Listing
from marketplace.search.selectors import Query, listings_at, search
from marketplace.search.services import refresh_ranking
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.listings import follow_listing, publish_listing
from marketplace.tasks import refresh_copies
from markets.models import SourceKind
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from portfolios.services.cash import deposit
from portfolios.services.equity import take_snapshots
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import UNGUARDED, Pit
from trading.copy_accounts.models import ProfitShareAccount
from trading.copy_accounts.services.settling import settle_due
from trading.copy_terms import TERMS_VERSION
from trading.follow_models import StopMode
from trading.models import Follow, LeadEvent, Order
from trading.services.copy_settings import change_settings
from trading.services.follows import pause_follow, stop_follow

D = Decimal
MONDAY = NOON.replace(hour=0) + timedelta(days=7)


@pytest.fixture
def listing(pit: Pit, alice: User) -> Listing:
    return publish_listing(owner=alice, portfolio=pit.lead, title="Steady")


def follow(pit: Pit, follower: User, listing: Listing, amount: int = 1_000) -> Follow:
    with pit.working():
        source = pit.portfolio(follower, amount, "Source")
        started = follow_listing(
            follower=follower,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=source,
            amount=D(amount),
            multiplier=D(1),
        )
        Portfolio.objects.filter(pk=started.portfolio_id).update(slippage_bps=D(0))
        # Guards that cut nothing: the figures are the record's own.
        change_settings(actor=follower, follow=started, settings=UNGUARDED)
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=started.pk)


def hour(pit: Pit, hours: int, price: int | str) -> None:
    """Let market time come to so many hours after noon, at a price, and take the snapshots."""
    at = NOON + timedelta(hours=hours)
    pit.desk.step({pit.instrument: price}, at)
    take_snapshots(namespace=pit.desk.namespace, at=at)


def record() -> CopyRecord:
    return CopyRecord.objects.get()


def test_rule_38_followers_count_by_their_money_and_each_hour_once(
    pit: Pit, bob: User, charlie: User, listing: Listing
) -> None:
    rich, late = follow(pit, bob, listing, 3_000), follow(pit, charlie, listing, 1_000)
    pause_follow(actor=charlie, follow=late)
    pit.buy(50)
    hour(pit, 1, 100)
    hour(pit, 2, 120)
    for _ in range(2):
        refresh_copies()
        # Of 4,000 that were there 3,000 were half in the market: 300 of 4,000.
        assert record().follower_return_ratio == pytest.approx(0.075)
    deposit(actor=bob, portfolio=rich.portfolio, amount=D(1_000))
    hour(pit, 3, 120)
    hour(pit, 4, 100)
    refresh_copies()
    assert record().follower_return_ratio == pytest.approx(1.075 * (1 - 300 / 5_300) - 1)


def test_rule_38_whoever_stopped_counts_until_then(pit: Pit, bob: User, listing: Listing) -> None:
    started = follow(pit, bob, listing)
    pit.buy(50)
    hour(pit, 1, 100)
    pit.price(60)
    with pit.working():
        stop_follow(actor=bob, follow=started, mode=StopMode.CLOSE_NOW)
    hour(pit, 2, 60)
    refresh_copies()
    assert record().follower_return_ratio == pytest.approx(-0.2)
    Portfolio.objects.filter(pk=started.portfolio_id).update(net_deposits=D(500))
    hour(pit, 3, 60)
    hour(pit, 4, 60)
    refresh_copies()
    assert record().follower_return_ratio == pytest.approx(-0.2)


def test_rule_38_profit_shares_are_taken_off(pit: Pit, bob: User, listing: Listing) -> None:
    follow(pit, bob, listing)
    pit.buy(50)
    pit.price(120)
    pit.sell(50)
    pit.desk.step({pit.instrument: 120}, MONDAY)
    settle_due(namespace=pit.desk.namespace, until=MONDAY)
    take_snapshots(namespace=pit.desk.namespace, at=MONDAY)
    refresh_copies()
    assert record().follower_return_ratio == pytest.approx(0.09)
    assert ProfitShareAccount.objects.get().ratio == D("0.1")


def test_rule_38_the_lead_is_measured_by_days_money_and_hours(pit: Pit, alice: User, listing: Listing) -> None:
    def point(day: int, hour: int, equity: int, deposits: int, *grains: str) -> None:
        at = NOON.replace(hour=0) + timedelta(days=day, hours=hour)
        facts = {"portfolio": pit.lead, "at": at, "equity": D(equity), "net_deposits": D(deposits)}
        for grain in grains:
            EquitySnapshot.objects.create(grain=grain, **facts)

    point(0, 0, 1_000, 1_000, SnapshotGrain.DAY, SnapshotGrain.HOUR)
    point(0, 5, 800, 1_000, SnapshotGrain.HOUR)
    point(1, 0, 1_100, 1_000, SnapshotGrain.DAY, SnapshotGrain.HOUR)
    point(2, 0, 3_300, 3_000, SnapshotGrain.DAY, SnapshotGrain.HOUR)
    refresh_copy_records(listing_ids=[listing.pk])
    kept = record()
    growth = 1.1 * (1 + 200 / 3_100)
    assert (kept.daily_return_ratio, kept.max_drawdown_ratio) == pytest.approx((growth - 1, 0.2))
    # 1,000 for two days; the 2,000 of the last day came when it ended.
    assert kept.money_weighted_ratio == pytest.approx(0.3)
    point(2, 1, 1_650, 3_000, SnapshotGrain.HOUR)
    refresh_copy_records(listing_ids=[listing.pk])
    assert record().max_drawdown_ratio == pytest.approx(0.5)


def test_rule_17_copies_are_counted_with_the_time_they_took(
    pit: Pit, bob: User, charlie: User, listing: Listing
) -> None:
    follow(pit, bob, listing)
    paused = follow(pit, charlie, listing)
    pause_follow(actor=charlie, follow=paused)
    pit.buy(10)
    pit.buy("0.1")  # a tenth of it is 1 USDT: below the minimum
    refresh_copies()
    assert record().copies_wished == 0  # it may still be under way
    LeadEvent.objects.update(recorded_at=NOON)
    for order in Order.objects.filter(follow__isnull=False, filled_quantity__gt=0):
        Order.objects.filter(pk=order.pk).update(claimed_at=NOON + timedelta(milliseconds=420))
    refresh_copies()
    once = record()
    refresh_copies()
    for kept in (once, record()):
        assert (kept.copies_wished, kept.copies_traded, kept.success_ratio) == (2, 1, 0.5)
        assert sum(kept.sent_after) == 1
        assert 300 < (kept.p50_ms or 0) <= (kept.p95_ms or 0) <= 500
    bars = selectors.execution_bars(once)
    assert [(bar.label, bar.count, bar.level) for bar in bars if bar.count] == [("up to 500 ms", 1, 1.0)]


def test_the_marketplace_puts_followers_first_and_never_mixes_kinds(alice: User, desk: Desk) -> None:
    made = Desk(SourceKind.SIMULATED)

    def listed(title: str, at: Desk, followers: float | None, own: float) -> None:
        found = publish_listing(owner=alice, portfolio=at.portfolio(alice, 10, title), title=title)
        CopyRecord.objects.filter(listing=found).update(follower_return_ratio=followers)
        found.record.unit_value = own
        found.record.save()

    listed("followed", desk, 0.1, 0.9)
    listed("own best", desk, None, 9.0)
    listed("own", desk, None, 1.0)
    listed("loses for followers", desk, -0.2, 5.0)
    listed("made up", made, 9.0, 9.0)
    refresh_ranking()
    order = [one.title for one in listings_at(search(Query()).keys)]
    assert order == ["followed", "loses for followers", "own best", "own", "made up"]
    made_up = Query(chosen={"kind": frozenset({"SIMULATED"})})
    assert [one.title for one in listings_at(search(made_up).keys)] == ["made up"]


def test_a_listing_from_before_gets_its_record(listing: Listing) -> None:
    CopyRecord.objects.all().delete()
    assert refresh_copy_records() == 1
    assert record().listing_id == listing.pk


def test_many_followers_cost_no_more_statements_than_few(pit: Pit, listing: Listing) -> None:
    def statements(count: int, hours: int) -> int:
        pit.crowd(count)
        pit.buy(1)
        hour(pit, hours, 100 + hours)
        LeadEvent.objects.update(recorded_at=NOON)
        with CaptureQueriesContext(connection) as queries:
            refresh_copies()
        return len(queries)

    few = statements(2, 1)
    assert statements(25, 2) == few
    assert few < 14
