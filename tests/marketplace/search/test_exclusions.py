"""Rule 40: history is never reset, and mirrored or hedged accounts of one household are left out of the ranking."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from accounts.models import SignIn, User
from common.ids import new_id
from marketplace import selectors
from marketplace.models import Listing
from marketplace.search.exclusions import are_mirrored, excluded_listings, households
from marketplace.search.models import ListingIndex
from marketplace.search.selectors import Query, aggregate_of, listings_at, search
from marketplace.search.services import refresh_ranking
from marketplace.services.listings import publish_listing, withdraw_listing
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from tests.fixtures_desk import NOON, Desk

RISES = [0.01, -0.02, 0.015, 0.03, -0.01, 0.02, -0.025, 0.01, 0.005, -0.015, 0.02, -0.01]


def days(portfolio: Portfolio, returns: list[float]) -> None:
    worth = 10_000.0
    for day, change in enumerate([0.0, *returns]):
        worth *= 1 + change
        facts = {"equity": Decimal(f"{worth:.6f}"), "net_deposits": Decimal(10_000)}
        at = NOON - timedelta(days=len(returns) - day)
        EquitySnapshot.objects.create(portfolio=portfolio, grain=SnapshotGrain.DAY, at=at, **facts)


def listed(desk: Desk, owner: User, title: str, returns: list[float]) -> Listing:
    portfolio = desk.portfolio(owner, name=title)
    days(portfolio, returns)
    return publish_listing(owner=owner, portfolio=portfolio, title=title)


def ranked() -> list[str]:
    return [one.title for one in selectors.leaderboard("PAPER")]


def test_rule_40_both_sides_of_one_bet_are_left_out(desk: Desk, alice: User, bob: User, charlie: User) -> None:
    up = listed(desk, alice, "Up", RISES)
    down = listed(desk, bob, "Down", [-change for change in RISES])
    listed(desk, charlie, "Other", [-change for change in RISES])
    refresh_ranking()
    assert set(ranked()) == {"Up", "Down", "Other"}
    # One device makes alice and bob a household; charlie, who does the same, is nobody's.
    for user in (alice, bob):
        SignIn.objects.create(user=user, succeeded=True, device_digest="d" * 64)
    refresh_ranking()
    assert excluded_listings() == {up.pk: "HEDGED", down.pk: "HEDGED"}
    assert ranked() == ["Other"]
    assert set(ListingIndex.objects.filter(exclusion="HEDGED").values_list("place", flat=True)) == {None}
    # They are found, after what is ranked; and taking one side down does not clear the other.
    assert listings_at(search(Query()).keys)[0].title == "Other"
    withdraw_listing(actor=bob, listing=down)
    refresh_ranking()
    assert ranked() == ["Other"]


def test_rule_40_history_is_never_reset(desk: Desk, alice: User, bob: User) -> None:
    """Flat, closed and removed leads stay in what their kind came to, and a record goes on where it stood."""
    gone = listed(desk, alice, "Gone", [-0.5])
    listed(desk, bob, "Flat", [])
    refresh_ranking()
    before = aggregate_of("PAPER")
    assert (before.leads, before.gone) == (2, 0)
    assert before.mean_return_ratio is not None
    assert before.mean_return_ratio == pytest.approx(-0.25)
    withdraw_listing(actor=alice, listing=gone)
    refresh_ranking()
    after = aggregate_of("PAPER")
    assert (after.leads, after.gone, after.mean_return_ratio) == (2, 1, before.mean_return_ratio)
    assert after.losing_ratio == 0.5
    again = publish_listing(owner=alice, portfolio=gone.portfolio, title="New name")
    assert again.pk == gone.pk
    assert again.record.unit_value == pytest.approx(0.5)


def test_one_that_moves_the_same_way_or_too_briefly_is_no_hedge(desk: Desk, alice: User) -> None:
    listed(desk, alice, "One", RISES)
    listed(desk, alice, "Same", RISES)
    listed(desk, alice, "Brief", [-change for change in RISES[:8]])
    assert excluded_listings() == {}


def test_fills_that_another_account_meets_are_mirrored() -> None:
    btc, eth = UUID(int=1), UUID(int=2)
    one = [(60.0 * number, btc, "BUY" if number % 2 else "SELL") for number in range(20)]
    other = [(at + 5, instrument, "SELL" if side == "BUY" else "BUY") for at, instrument, side in one]
    assert are_mirrored(one, other)
    assert not are_mirrored(one, one)
    assert not are_mirrored(one, [(at, eth, side) for at, _, side in other])
    assert not are_mirrored(one, [(at + 1_000_000, btc, side) for at, _, side in other])
    assert not are_mirrored(one[:9], other[:9])


def test_a_household_is_who_shares_a_device_or_an_address(desk: Desk, alice: User, bob: User, charlie: User) -> None:
    people = (alice, bob, charlie)
    for user in people:
        publish_listing(owner=user, portfolio=desk.portfolio(user), title="Some")
    ids = {user.pk for user in people}
    SignIn.objects.create(user=alice, succeeded=True, address="192.0.2.7")
    SignIn.objects.create(user=bob, succeeded=True, address="192.0.2.7", device_digest="e" * 64)
    SignIn.objects.create(user=charlie, succeeded=False, address="192.0.2.7", device_digest="e" * 64)
    heads = households(ids)
    assert heads[alice.pk] == heads[bob.pk] != heads[charlie.pk]
    SignIn.objects.create(user=charlie, succeeded=True, device_digest="e" * 64)
    assert len(set(households(ids).values())) == 1
    assert households([new_id()]) != {}
