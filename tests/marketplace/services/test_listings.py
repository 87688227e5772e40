"""Listings: who may publish what, and the one door through which they are followed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from accounts.teams.models import Membership, Role
from accounts.teams.services import create_workspace
from common.errors import DomainError, NotFound
from marketplace.models import Listing, ListingState, TrackRecord
from marketplace.selectors import listing_for_owner
from marketplace.services.listings import follow_listing, publish_listing, update_listing, withdraw_listing
from portfolios.models import Balance, Portfolio
from portfolios.services.states import freeze_portfolios
from tests.fixtures_desk import Desk, Working
from trading.copy_terms import TERMS_VERSION
from trading.models import Follow, FollowState, LeadStream


@pytest.fixture
def led(desk: Desk, alice: User) -> Portfolio:
    return desk.portfolio(alice)


@pytest.fixture
def listing(alice: User, led: Portfolio) -> Listing:
    return publish_listing(owner=alice, portfolio=led, title="Steady", description="Slow and calm.")


# --- publishing -----------------------------------------------------------------------------------------------------
def test_a_published_portfolio_can_be_led_from_and_has_a_record(alice: User, led: Portfolio) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title=" Steady ", description=" Slow and calm. ")
    assert (listing.title, listing.description, listing.state) == ("Steady", "Slow and calm.", ListingState.PUBLISHED)
    assert LeadStream.objects.get().portfolio == led
    record = TrackRecord.objects.get(listing=listing)
    assert (record.return_ratio, record.max_drawdown_ratio, record.as_of) == (0.0, 0.0, None)
    entry = AuditEntry.objects.get(action="listing.published")
    assert (entry.actor, entry.object_id) == (alice, str(listing.pk))


def test_a_portfolio_has_one_listing(alice: User, led: Portfolio, listing: Listing) -> None:
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=led, title="Again")
    assert refused.value.code == "ALREADY_PUBLISHED"
    assert [one.title for one in Listing.objects.all()] == ["Steady"]


def test_a_withdrawn_listing_is_published_anew_with_its_record(alice: User, led: Portfolio, listing: Listing) -> None:
    withdraw_listing(actor=alice, listing=listing)
    TrackRecord.objects.update(newest_unit_value=0.5, newest_peak=1.5)
    again = publish_listing(owner=alice, portfolio=led, title="Steadier")
    assert (again.pk, again.state, again.title) == (listing.pk, ListingState.PUBLISHED, "Steadier")
    assert again.published_at == listing.published_at
    assert TrackRecord.objects.get().return_ratio == -0.5


def test_a_strangers_portfolio_cannot_be_published(charlie: User, led: Portfolio) -> None:
    with pytest.raises(NotFound):
        publish_listing(owner=charlie, portfolio=led, title="Mine now")
    assert (Listing.objects.count(), LeadStream.objects.count()) == (0, 0)


def test_a_portfolio_that_follows_cannot_be_published(bob: User, desk: Desk, listing: Listing) -> None:
    follow = follow_listing(
        follower=bob,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=desk.portfolio(bob),
        amount=Decimal(100),
        multiplier=Decimal(1),
    )
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=bob, portfolio=follow.portfolio, title="Copied")
    assert refused.value.code == "LEAD_IS_FOLLOWING"
    assert Listing.objects.count() == 1


def test_a_frozen_portfolio_cannot_be_published(alice: User, led: Portfolio) -> None:
    freeze_portfolios(portfolio_ids=[led.pk])
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=led, title="Cold")
    assert (refused.value.code, Listing.objects.count()) == ("PORTFOLIO_NOT_OPEN", 0)


def test_a_competitions_portfolio_cannot_be_published(alice: User, desk: Desk) -> None:
    portfolio = desk.portfolio(alice, cash_is_locked=True)
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=portfolio, title="Sprint")
    assert (refused.value.code, Listing.objects.count()) == ("PORTFOLIO_IN_COMPETITION", 0)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "Good", "description": "x" * 4001}, "description"),
    ],
)
def test_words_have_a_length(alice: User, led: Portfolio, words: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=led, **words)
    assert (refused.value.context, Listing.objects.count()) == ({"field": field}, 0)


# --- changing -------------------------------------------------------------------------------------------------------
def test_only_its_owner_changes_a_listing(alice: User, bob: User, listing: Listing) -> None:
    with pytest.raises(NotFound):
        update_listing(actor=bob, listing=listing, title="Bob's", description="")
    with pytest.raises(NotFound):
        withdraw_listing(actor=bob, listing=listing)
    listing.refresh_from_db()
    assert (listing.title, listing.state) == ("Steady", ListingState.PUBLISHED)
    update_listing(actor=alice, listing=listing, title="Calm", description="Other words.")
    listing.refresh_from_db()
    assert (listing.title, listing.description) == ("Calm", "Other words.")


def test_who_may_publish_no_more_has_no_hold_on_the_listing(alice: User, led: Portfolio, listing: Listing) -> None:
    team = create_workspace(actor=alice, name="Desk")
    Portfolio.objects.filter(pk=led.pk).update(workspace=team)
    assert listing_for_owner(alice, listing.pk) == listing
    Membership.objects.filter(user=alice).update(role=Role.VIEWER)
    with pytest.raises(NotFound):
        listing_for_owner(alice, listing.pk)


def test_a_withdrawal_is_written_down_once(alice: User, listing: Listing) -> None:
    for _ in range(2):
        assert withdraw_listing(actor=alice, listing=listing).state == ListingState.WITHDRAWN
    assert AuditEntry.objects.filter(action="listing.withdrawn").count() == 1


# --- following ------------------------------------------------------------------------------------------------------
def test_a_follow_moves_the_amount_into_a_portfolio_of_its_own(
    bob: User, desk: Desk, listing: Listing, working: Working
) -> None:
    source = desk.portfolio(bob)
    with working():
        follow = follow_listing(
            follower=bob,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=source,
            amount=Decimal(2500),
            multiplier=Decimal("1.5"),
        )
    assert (follow.lead_id, follow.follower, follow.multiplier) == (listing.portfolio_id, bob, Decimal("1.5"))
    assert follow.state == FollowState.ACTIVE
    amounts = {one.portfolio_id: one.amount for one in Balance.objects.filter(portfolio__owner=bob)}
    assert amounts == {source.pk: Decimal(7500), follow.portfolio_id: Decimal(2500)}
    assert TrackRecord.objects.get().copied_capital == Decimal(2500)


def test_a_withdrawn_listing_is_not_followed_but_those_who_do_go_on(
    alice: User, bob: User, charlie: User, desk: Desk, listing: Listing
) -> None:
    follow = follow_listing(
        follower=bob,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=desk.portfolio(bob),
        amount=Decimal(100),
        multiplier=Decimal(1),
    )
    withdraw_listing(actor=alice, listing=listing)
    source = desk.portfolio(charlie)
    with pytest.raises(DomainError) as refused:
        follow_listing(
            follower=charlie,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=source,
            amount=Decimal(100),
            multiplier=Decimal(1),
        )
    assert refused.value.code == "LISTING_WITHDRAWN"
    follow.refresh_from_db()
    assert follow.state == FollowState.ACTIVE
    assert list(Follow.objects.all()) == [follow]
    assert Balance.objects.get(portfolio=source).amount == Decimal(10_000)


@pytest.mark.parametrize(
    ("amount", "multiplier", "code"),
    [
        ("0", "1", "AMOUNT_NOT_POSITIVE"),
        ("-5", "1", "AMOUNT_NOT_POSITIVE"),
        ("9.99", "1", "AMOUNT_TOO_SMALL"),
        ("10000.01", "1", "INSUFFICIENT_BALANCE"),
        ("100", "0.09", "MULTIPLIER_OUT_OF_RANGE"),
        ("100", "3.001", "MULTIPLIER_OUT_OF_RANGE"),
    ],
)
def test_a_refused_follow_changes_nothing(
    bob: User, desk: Desk, listing: Listing, amount: str, multiplier: str, code: str
) -> None:
    source = desk.portfolio(bob)
    with pytest.raises(DomainError) as refused:
        follow_listing(
            follower=bob,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=source,
            amount=Decimal(amount),
            multiplier=Decimal(multiplier),
        )
    assert refused.value.code == code
    assert (Follow.objects.count(), Portfolio.objects.filter(owner=bob).count()) == (0, 1)
    assert Balance.objects.get(portfolio=source).amount == Decimal(10_000)


def test_nobody_follows_themselves_or_in_a_circle(alice: User, bob: User, desk: Desk, listing: Listing) -> None:
    own = desk.portfolio(alice, name="Other")
    with pytest.raises(DomainError) as refused:
        follow_listing(
            follower=alice,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=own,
            amount=Decimal(100),
            multiplier=Decimal(1),
        )
    assert (refused.value.code, Follow.objects.count()) == ("FOLLOW_SELF", 0)
    source = desk.portfolio(bob)
    follow_listing(
        follower=bob,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=source,
        amount=Decimal(100),
        multiplier=Decimal(1),
    )
    his = publish_listing(owner=bob, portfolio=source, title="Bob's")
    with pytest.raises(DomainError) as refused:
        follow_listing(
            follower=alice,
            accepted_terms=TERMS_VERSION,
            listing=his,
            source=own,
            amount=Decimal(100),
            multiplier=Decimal(1),
        )
    assert (refused.value.code, Follow.objects.count()) == ("FOLLOW_CIRCLE", 1)


def test_a_follow_is_funded_from_ones_own_portfolio(bob: User, charlie: User, desk: Desk, listing: Listing) -> None:
    theirs = desk.portfolio(charlie)
    with pytest.raises(DomainError) as refused:
        follow_listing(
            follower=bob,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=theirs,
            amount=Decimal(100),
            multiplier=Decimal(1),
        )
    assert (refused.value.code, Follow.objects.count()) == ("NOT_YOUR_PORTFOLIO", 0)
    assert Balance.objects.get(portfolio=theirs).amount == Decimal(10_000)
