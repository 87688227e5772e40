"""Reviews: who may write one, what they come to, who answers, reports and hides them, and what stays of those who left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Notification, SignIn, User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from marketplace.billing.card_models import CardMark
from marketplace.models import Listing
from marketplace.reviews.models import ListingRating, Review, ReviewReport, ReviewVersion
from marketplace.reviews.ratings import Prior, rating_of
from marketplace.reviews.selectors import followed_days, review_for_lead, review_for_reader, reviews_of
from marketplace.reviews.services import answer_review, hide_review, keep_review, report_review, write_review
from marketplace.services.listings import publish_listing, withdraw_listing
from marketplace.services.personal_data import erase_listings, export_listings
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit
from trading.models import Follow


@pytest.fixture
def listing(pit: Pit) -> Listing:
    return publish_listing(owner=pit.lead.owner, portfolio=pit.lead, title="Steady")


@pytest.fixture
def followed(pit: Pit, listing: Listing, bob: User) -> Follow:
    """Bob's follow, which lasted twenty days."""
    follow = pit.follow(bob)
    lasted(follow, 20)
    return follow


def lasted(follow: Follow, days: int) -> None:
    Follow.objects.filter(pk=follow.pk).update(started_at=NOON - timedelta(days=days))


def say(author: User, listing: Listing, stars: int = 5, text: str = "Calm.") -> Review:
    return write_review(author=author, listing=listing, stars=stars, text=text)


def refused(code: str) -> pytest.RaisesExc[DomainError]:
    return pytest.raises(DomainError, match=code)


def test_only_who_followed_for_fourteen_days_may_write(
    pit: Pit, listing: Listing, followed: Follow, bob: User, charlie: User
) -> None:
    for stranger in (charlie, listing.owner):
        with refused("FOLLOWED_TOO_SHORT"):
            say(stranger, listing)
    lasted(followed, 13)
    with refused("FOLLOWED_TOO_SHORT"):
        say(bob, listing)
    assert not Review.objects.exists()
    lasted(followed, 14)
    assert say(bob, listing).followed_days == 14


def test_neither_clock_alone_makes_a_follow_old(followed: Follow) -> None:
    """A replay runs through a month in an hour; and who stopped after a day followed for a day, a year later too."""
    follow = Follow.objects.select_related("lead").get(pk=followed.pk)
    assert followed_days(follow) == 20
    follow.stopped_at = follow.started_at + timedelta(days=1)
    assert followed_days(follow) == 1
    from trading.follow_models import FollowConsent

    follow.stopped_at = None
    FollowConsent.objects.update_or_create(
        follow=follow, defaults={"version": "1", "accepted_at": wall_now() - timedelta(days=3)}
    )
    assert followed_days(Follow.objects.select_related("lead", "consent").get(pk=follow.pk)) == 3


def test_a_review_says_what_the_follow_came_to_and_keeps_what_it_said(
    pit: Pit, listing: Listing, followed: Follow, bob: User
) -> None:
    pit.buy(10)
    pit.desk.step({pit.instrument: 110})
    review = say(bob, listing, 4, " <b>Calm</b>\0 ")
    assert (review.text, review.result_ratio) == ("<b>Calm</b>", review.result_ratio)
    assert review.result_ratio is not None
    assert review.result_ratio > 0
    assert say(bob, listing, 4, "<b>Calm</b>").edited_at is None
    again = say(bob, listing, 2, "It fell.")
    assert (again.pk, Review.objects.count()) == (review.pk, 1)
    kept = ReviewVersion.objects.get()
    assert (kept.stars, kept.text) == (4, "<b>Calm</b>")
    assert again.edited_at is not None
    page = Client().get(reverse("marketplace:detail", args=[listing.pk])).content.decode()
    assert "It fell." in page
    assert "2 of 5 stars" in page


def test_a_rating_is_drawn_to_what_its_kind_comes_to(listing: Listing, followed: Follow, bob: User) -> None:
    assert rating_of(0, 0, Prior(40, 10)) is None
    # (8 × (40 + 15) / 15 + 5) / 9
    assert rating_of(5, 1, Prior(40, 10)) == pytest.approx((8 * 55 / 15 + 5) / 9)
    say(bob, listing, 5)
    rating = ListingRating.objects.get()
    assert (rating.count, rating.total) == (1, 5)
    listing.refresh_from_db()
    assert listing.index.rating_count == 1
    assert listing.index.rating_mean == pytest.approx((8 * 20 / 6 + 5) / 9)


def test_only_the_lead_answers_and_what_was_answered_is_kept(
    listing: Listing, followed: Follow, bob: User, charlie: User
) -> None:
    review, lead = say(bob, listing), listing.owner
    for stranger in (bob, charlie, None):
        with pytest.raises(NotFound):
            review_for_lead(stranger, review.pk)
    for stranger in (bob, charlie):
        with pytest.raises(NotFound):
            answer_review(lead=stranger, review=review, text="Thanks")
    answer_review(lead=lead, review=review_for_lead(lead, review.pk), text="Thanks")
    answer_review(lead=lead, review=review, text="Thank you")
    assert (reviews_of(listing).get().answer, ReviewVersion.objects.get().text) == ("Thank you", "Thanks")
    told = Notification.objects.filter(event="review.answered")
    assert [one.user for one in told] == [bob]


def test_an_operator_hides_a_reported_review_and_its_stars(
    listing: Listing, followed: Follow, bob: User, charlie: User, operator: User
) -> None:
    review = say(bob, listing, 1, "Buy my course")
    for _ in range(2):
        report_review(reporter=charlie, review=review, reason="SPAM")
    assert ReviewReport.objects.filter(is_open=True).count() == 1
    with refused("OPERATORS_ONLY"):
        hide_review(operator=charlie, review=review, reason="I say so")
    with refused("REASON_MISSING"):
        hide_review(operator=operator, review=review, reason=" ")
    assert reviews_of(listing).count() == 1
    hide_review(operator=operator, review=review, reason="Advertising")
    assert (reviews_of(listing).count(), ListingRating.objects.get().count) == (0, 0)
    assert not ReviewReport.objects.filter(is_open=True).exists()
    assert AuditEntry.objects.get(action="review.hidden").actor == operator
    assert Notification.objects.get(event="review.hidden").context["reason"] == "Advertising"
    assert review_for_reader(bob, review.pk) == review
    for stranger in (charlie, listing.owner, None):
        with pytest.raises(NotFound):
            review_for_reader(stranger, review.pk)
    keep_review(operator=operator, review=review)
    assert ListingRating.objects.get().total == 1


def test_friends_are_flagged_for_operators_and_not_refused(listing: Listing, followed: Follow, bob: User) -> None:
    for user in (bob, listing.owner):
        SignIn.objects.create(user=user, succeeded=True, address="192.0.2.7", device_digest="d" * 64)
    assert say(bob, listing).flags == ["SHARED_DEVICE", "SHARED_ADDRESS"]
    for user, digest in ((bob, "aa"), (listing.owner, "aa"), (listing.owner, "bb")):
        CardMark.objects.create(user=user, mode="LIVE", digest=digest, seen_at=wall_now())
    assert say(bob, listing, 4).flags == ["SHARED_DEVICE", "SHARED_ADDRESS", "SHARED_CARD"]
    # A test card is everybody's.
    CardMark.objects.filter(user=bob).update(mode="TEST")
    assert say(bob, listing).flags == ["SHARED_DEVICE", "SHARED_ADDRESS"]
    program = APIClient()
    program.force_authenticate(listing.owner)
    told = program.get(reverse("marketplace_api:reviews", args=[listing.pk])).content.decode()
    page = Client().get(reverse("marketplace:reviews", args=[listing.pk])).content.decode()
    assert "SHARED" not in told + page


def test_a_withdrawn_listings_reviews_are_its_readers_alone(
    listing: Listing, followed: Follow, bob: User, charlie: User
) -> None:
    review = say(bob, listing)
    withdraw_listing(actor=listing.owner, listing=listing)
    address = reverse("marketplace:reviews", args=[listing.pk])
    assert Client().get(address).status_code == 404
    with pytest.raises(NotFound):
        review_for_reader(charlie, review.pk)
    assert review_for_reader(listing.owner, review.pk) == review


def test_of_who_left_the_stars_stay_and_no_word(listing: Listing, followed: Follow, bob: User) -> None:
    say(bob, listing, 4, "My own words")
    say(bob, listing, 3, "Other words of mine")
    told = export_listings(bob)
    assert [one["text"] for one in told["reviews"]] == ["Other words of mine"]
    assert [one["text"] for one in told["reviews_before"]] == ["My own words"]
    erase_listings(bob)
    page = Client().get(reverse("marketplace:reviews", args=[listing.pk])).content.decode()
    assert "Former follower" in page
    assert "words" not in page
    assert ReviewVersion.objects.get().text == ""
    assert ListingRating.objects.get().total == 3


def test_the_form_writes_changes_and_refuses(listing: Listing, followed: Follow, bob: User, charlie: User) -> None:
    browser, address = Client(), reverse("marketplace:review", args=[listing.pk])
    browser.force_login(bob)
    assert browser.post(address, {"stars": "6", "text": "x"}).status_code == 400
    assert not Review.objects.exists()
    assert browser.post(address, {"stars": "4", "text": "Fine."}).status_code == 302
    assert 'value="4"' in browser.get(address).content.decode()
    browser.force_login(charlie)
    assert "at least" in browser.get(address).content.decode()
    assert browser.post(address, {"stars": "4", "text": "x"}).status_code == 400
    assert Review.objects.count() == 1
