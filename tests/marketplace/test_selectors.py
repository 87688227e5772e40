"""Gates of listings, asked by all; the leaderboard; and that reading many costs no more than reading one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common.errors import NotFound
from common.ids import new_id
from common.realtime import snapshot as topic_snapshot
from marketplace import selectors
from marketplace.curves import recent_curves
from marketplace.models import Listing, TrackRecord
from marketplace.services.listings import follow_listing, publish_listing, withdraw_listing
from markets.models import SourceKind
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from tests.fixtures_desk import NOON, Desk
from trading.copy_terms import TERMS_VERSION


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")


def follow(follower: User, listing: Listing, desk: Desk) -> None:
    follow_listing(
        follower=follower,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=desk.portfolio(follower),
        amount=Decimal(100),
        multiplier=Decimal(1),
    )


def test_what_is_published_is_public(alice: User, bob: User, charlie: User, listing: Listing) -> None:
    for reader in (alice, bob, charlie, AnonymousUser(), None):
        assert selectors.listing_for_reader(reader, listing.pk) == listing
        assert topic_snapshot(reader, f"listing:{listing.pk}")["cells"]["followers"] == "0"


def test_what_is_withdrawn_is_its_owners_and_followers_alone(
    alice: User, bob: User, charlie: User, listing: Listing, desk: Desk
) -> None:
    follow(bob, listing, desk)
    withdraw_listing(actor=alice, listing=listing)
    for reader in (alice, bob):
        assert selectors.listing_for_reader(reader, listing.pk) == listing
    for stranger in (charlie, AnonymousUser(), None):
        with pytest.raises(NotFound):
            selectors.listing_for_reader(stranger, listing.pk)
        with pytest.raises(NotFound):
            topic_snapshot(stranger, f"listing:{listing.pk}")
    assert list(selectors.published()) == []
    # By a token that is limited to other portfolios the owner is one of the public.
    alice.token_portfolios = frozenset({new_id()})
    with pytest.raises(NotFound):
        selectors.listing_for_reader(alice, listing.pk)


def test_only_its_owner_may_write_a_listing(alice: User, bob: User, listing: Listing) -> None:
    assert selectors.listing_for_owner(alice, listing.pk) == listing
    for stranger in (bob, AnonymousUser(), None):
        with pytest.raises(NotFound):
            selectors.listing_for_owner(stranger, listing.pk)


def test_an_id_that_is_none_leads_nowhere(alice: User, listing: Listing) -> None:
    for key in (new_id(), "steady", ""):
        with pytest.raises(NotFound):
            selectors.listing_for_reader(alice, key)
        with pytest.raises(NotFound):
            selectors.listing_for_owner(alice, key)


def test_followers_are_counted(bob: User, charlie: User, listing: Listing, desk: Desk) -> None:
    follow(bob, listing, desk)
    follow(charlie, listing, desk)
    assert vars(selectors.listings().get())["follower_count"] == 2
    assert selectors.follower_counts([listing.portfolio_id]) == {listing.portfolio_id: 2}


def publish(owner: User, portfolio: Portfolio, title: str, unit_value: float) -> Listing:
    listing = publish_listing(owner=owner, portfolio=portfolio, title=title)
    TrackRecord.objects.filter(pk=listing.pk).update(unit_value=unit_value)
    return listing


def test_a_leaderboard_ranks_one_kind_by_return(alice: User, desk: Desk) -> None:
    for number, value in enumerate([1.1, 1.3, 1.1, 0.9]):
        publish(alice, desk.portfolio(alice, name=str(number)), f"Paper {number}", value)
    made = Desk(SourceKind.SIMULATED)
    publish(alice, made.portfolio(alice, name="Made"), "Made up", 9.0)
    withdraw_listing(actor=alice, listing=publish(alice, desk.portfolio(alice, name="Gone"), "Gone", 5.0))
    assert selectors.published_kinds() == ["PAPER", "SIMULATED"]
    board = [(vars(one)["rank"], one.title) for one in selectors.leaderboard("PAPER")]
    assert board == [(1, "Paper 1"), (2, "Paper 0"), (2, "Paper 2"), (4, "Paper 3")]
    assert [one.title for one in selectors.leaderboard("SIMULATED")] == ["Made up"]
    assert selectors.leaderboard("LIVE") == []


def minute(portfolio: Portfolio, ago: timedelta, equity: int, grain: str = "MINUTE") -> None:
    EquitySnapshot.objects.create(
        portfolio=portfolio, grain=grain, at=NOON - ago, equity=Decimal(equity), net_deposits=Decimal(100)
    )


def test_a_card_shows_minutes_until_there_are_hours(desk: Desk, listing: Listing) -> None:
    for ago, equity in ((90, 50), (59, 100), (30, 110), (0, 99)):
        minute(listing.portfolio, timedelta(minutes=ago), equity)
    assert recent_curves([listing], None)[listing.pk] == pytest.approx([1, 1.1, 0.99])
    for ago, equity in ((73, 50), (71, 200), (3, 100), (1, 300)):
        minute(listing.portfolio, timedelta(hours=ago), equity, SnapshotGrain.HOUR)
    assert recent_curves([listing], None)[listing.pk] == pytest.approx([1, 0.5, 1.5])
    assert recent_curves([], None) == {}


def test_many_listings_cost_as_many_statements_as_one(
    alice: User, desk: Desk, listing: Listing, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        publish(alice, desk.portfolio(alice, name=str(number)), f"Paper {number}", 1.0)
    for limit in (1, 6):
        with django_assert_num_queries(4):  # listings, tags, which are paid, curves
            shown = list(selectors.published()[:limit])
            recent_curves(shown, None)
            facts = [
                (one.owner.profile.handle, one.record.return_ratio, one.portfolio.settlement.code) for one in shown
            ]
        assert facts == [("alice", 0.0, "USDT")] * limit


def test_only_what_fits_is_offered_for_publishing_and_funding(
    alice: User, bob: User, desk: Desk, listing: Listing
) -> None:
    free = desk.portfolio(alice, name="Free")
    desk.portfolio(alice, name="Competition", cash_is_locked=True)
    assert list(selectors.publishable_portfolios(alice)) == [free]
    Desk().portfolio(bob, name="Elsewhere")
    Desk(SourceKind.SIMULATED).portfolio(bob, name="Made up")
    desk.portfolio(bob, name="Competition", cash_is_locked=True)
    follow(bob, listing, desk)
    assert [one.name for one in selectors.funding_portfolios(bob, listing)] == ["Main"]
    mine = selectors.open_follow(bob, listing)
    assert mine is not None
    assert mine.lead_id == listing.portfolio_id
    assert selectors.open_follow(alice, listing) is selectors.open_follow(AnonymousUser(), listing) is None
    assert mine.portfolio not in selectors.publishable_portfolios(bob)
