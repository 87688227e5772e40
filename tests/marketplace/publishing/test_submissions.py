"""Drafts, the operators' review, versions, and what the gate asks for at once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Notification, User
from accounts.services.personal_data import erase_person
from common.errors import DomainError, NotFound
from marketplace import selectors as listings
from marketplace.models import Listing, ListingState, Offer, TrackRecord
from marketplace.publishing.models import Outcome, Submission
from marketplace.publishing.services.submissions import approve_submission, refuse_submission, take_back
from marketplace.search.selectors import Query, listings_at, search
from marketplace.services.listings import (
    follow_listing,
    publish_listing,
    save_draft,
    update_listing,
    use_listing,
    withdraw_listing,
)
from portfolios.models import Portfolio
from strategies.grants.models import StrategyGrant
from strategies.grants.services import grant_version
from strategies.services.definitions import save_strategy
from tests.fixtures_desk import Desk
from tests.fixtures_past import CROSSING
from trading.copy_terms import TERMS_VERSION
from trading.models import Follow

SAID: dict[str, Any] = {"risks": "It may lose.", "conflicts": "None.", "has_own_money": True}


@pytest.fixture
def led(desk: Desk, alice: User) -> Portfolio:
    return desk.portfolio(alice)


@pytest.fixture
def reviewed() -> Iterator[None]:
    settings.LISTING_REVIEW = True
    yield
    settings.LISTING_REVIEW = False


def test_a_draft_is_its_owners_alone_and_becomes_public_in_place(alice: User, bob: User, led: Portfolio) -> None:
    draft = save_draft(owner=alice, portfolio=led, title="Half", tags=("Low Risk", "btc"), **SAID)
    assert (draft.state, draft.published_at) == (ListingState.DRAFT, None)
    address = reverse("marketplace:detail", args=[draft.pk])
    for user, status in ((alice, 200), (bob, 404), (None, 404)):
        browser = Client()
        if user:
            browser.force_login(user)
        assert browser.get(address).status_code == status
    assert [list(listings.published()), listings_at(search(Query()).keys)] == [[], []]
    public = publish_listing(owner=alice, portfolio=led, title="Whole", tags=("btc",), **SAID)
    assert (public.pk, public.state) == (draft.pk, ListingState.PUBLISHED)
    assert [one.name for one in public.tags.all()] == ["btc"]
    with pytest.raises(DomainError) as refused:
        save_draft(owner=alice, portfolio=led, title="Hide it")
    assert refused.value.code == "NOT_A_DRAFT"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"summary": "x" * 161}, "summary"),
        ({"risks": "x" * 601}, "risks"),
        ({"tags": tuple(f"t{n}" for n in range(9))}, "tags"),
        ({"tags": ("<b>",)}, "tags"),
        ({"suggested_minimum": Decimal(0)}, "suggested_minimum"),
        ({"suggested_minimum": Decimal("NaN")}, "suggested_minimum"),
        ({"profit_share_ratio": Decimal("0.31")}, "profit_share"),
        ({"offer": Offer.DEFINITION}, "version"),
    ],
)
def test_what_cannot_be_said_names_its_field(alice: User, led: Portfolio, said: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=led, title="Good", **said)
    assert (refused.value.context["field"], Listing.objects.count()) == (field, 0)


def test_every_version_stays_as_it_was_published(alice: User, led: Portfolio) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="First", tags=("a",))
    update_listing(actor=alice, listing=listing, title="Second", changes="A better name")
    first, second = listing.versions.order_by("number")
    assert [(one.number, one.content["title"], one.changes) for one in (first, second)] == [
        (1, "First", ""),
        (2, "Second", "A better name"),
    ]
    assert second.content["tags"] == ["a"]  # what was not named stayed
    page = Client().get(reverse("marketplace:detail", args=[listing.pk])).content.decode()
    assert "A better name" in page
    owner = Client()
    owner.force_login(alice)
    assert 'value="10"' in owner.get(reverse("marketplace:edit", args=[listing.pk])).content.decode()


def test_an_operator_looks_first_where_the_site_wants_it(
    alice: User, bob: User, operator: User, led: Portfolio, reviewed: None
) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="Wait")
    [submission] = Submission.objects.all()
    assert (listing.state, submission.outcome) == (ListingState.SUBMITTED, Outcome.IN_REVIEW)
    with pytest.raises(DomainError, match="Only an operator"):
        approve_submission(operator=bob, submission=submission)
    queue = reverse("marketplace:review_queue")
    browsers = {user: Client() for user in (bob, operator)}
    for user, browser in browsers.items():
        browser.force_login(user)
    assert browsers[bob].get(queue).status_code == 404
    assert b"Wait" in browsers[operator].get(queue).content
    browsers[operator].post(reverse("marketplace:decide", args=[submission.pk]), {"decision": "approve"})
    listing.refresh_from_db()
    assert (listing.state, listing.versions.count()) == (ListingState.PUBLISHED, 1)
    assert AuditEntry.objects.get(action="listing.approved").actor == operator
    assert Notification.objects.get(user=alice).event == "listing.approved"

    update_listing(actor=alice, listing=listing, title="Get rich")
    listing.refresh_from_db()
    # What is public stays as it is, and the owner goes on writing where they were.
    assert (listing.title, listing.state) == ("Wait", ListingState.PUBLISHED)
    pending = Submission.objects.get(outcome=Outcome.IN_REVIEW)
    with pytest.raises(DomainError, match="Give the reason"):
        refuse_submission(operator=operator, submission=pending, reason=" ")
    refuse_submission(operator=operator, submission=pending, reason="Promise nothing.")
    listing.refresh_from_db()
    assert (listing.title, listing.state, listing.versions.count()) == ("Wait", ListingState.PUBLISHED, 1)
    told = Notification.objects.filter(user=alice, event="listing.refused").get()
    assert told.context["reason"] == "Promise nothing."
    owner = Client()
    owner.force_login(alice)
    assert b"Promise nothing." in owner.get(reverse("marketplace:detail", args=[listing.pk])).content


def test_a_refused_first_submission_is_seen_by_its_owner_alone(
    alice: User, operator: User, led: Portfolio, reviewed: None
) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="No")
    refuse_submission(operator=operator, submission=Submission.objects.get(), reason="Say more.")
    listing.refresh_from_db()
    assert listing.state == ListingState.REFUSED
    assert Client().get(reverse("marketplace:detail", args=[listing.pk])).status_code == 404
    again = publish_listing(owner=alice, portfolio=led, title="More", **SAID)
    assert (again.pk, again.state) == (listing.pk, ListingState.SUBMITTED)
    take_back(actor=alice, listing=again)
    again.refresh_from_db()
    assert again.state == ListingState.DRAFT
    with pytest.raises(NotFound):
        take_back(actor=operator, listing=again)


def test_a_withdrawal_takes_back_what_waits(alice: User, operator: User, led: Portfolio, reviewed: None) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="Wait")
    approve_submission(operator=operator, submission=Submission.objects.get())
    listing.refresh_from_db()
    update_listing(actor=alice, listing=listing, title="Later")
    waiting = Submission.objects.get(outcome=Outcome.IN_REVIEW)
    withdraw_listing(actor=alice, listing=listing)
    decided = approve_submission(operator=operator, submission=waiting)
    listing.refresh_from_db()
    assert (decided.outcome, listing.state, listing.title) == (Outcome.OVERTAKEN, ListingState.WITHDRAWN, "Wait")


def test_a_strategy_of_somebody_else_is_not_offered(alice: User, bob: User, desk: Desk, led: Portfolio) -> None:
    instrument = desk.instrument()
    bobs = save_strategy(owner=bob, name="His", instruments=[instrument], timeframe="5m", face=CROSSING)
    grant_version(user=alice, version=bobs, shows_source=True)
    for offer in (Offer.STRATEGY, Offer.DEFINITION):
        with pytest.raises(NotFound):
            publish_listing(owner=alice, portfolio=led, title="Mine", offer=offer, version_id=bobs.pk, **SAID)
    assert Listing.objects.count() == 0


def test_a_draft_names_no_strategy_of_somebody_else_either(alice: User, bob: User, desk: Desk, led: Portfolio) -> None:
    bobs = save_strategy(owner=bob, name="His", instruments=[desk.instrument()], timeframe="5m", face=CROSSING)
    grant_version(user=alice, version=bobs, shows_source=True)
    with pytest.raises(NotFound):
        save_draft(owner=alice, portfolio=led, title="Mine", offer=Offer.DEFINITION, version_id=bobs.pk, **SAID)
    assert Listing.objects.count() == 0


@pytest.mark.parametrize("state", [state for state in ListingState if state != ListingState.PUBLISHED])
def test_what_is_not_public_is_neither_followed_nor_used(
    alice: User, bob: User, desk: Desk, led: Portfolio, state: ListingState
) -> None:
    """Also not by somebody who knows its id, or whose page was open when it was taken down."""
    version = save_strategy(owner=alice, name="Hers", instruments=[desk.instrument()], timeframe="5m", face=CROSSING)
    listing = save_draft(owner=alice, portfolio=led, title="Half", **SAID)
    purse = desk.portfolio(bob)
    Listing.objects.update(state=state)
    with pytest.raises(DomainError) as refused:
        follow_listing(follower=bob, listing=listing, source=purse, amount=Decimal(100), accepted_terms=TERMS_VERSION)
    assert (refused.value.code, Follow.objects.count()) == ("LISTING_WITHDRAWN", 0)
    Listing.objects.update(offer=Offer.DEFINITION, version=version)
    with pytest.raises(DomainError) as refused:
        use_listing(user=bob, listing=listing)
    assert (refused.value.code, StrategyGrant.objects.count()) == ("LISTING_WITHDRAWN", 0)


def test_a_strategy_must_run_on_the_portfolio_and_be_disclosed(alice: User, desk: Desk, led: Portfolio) -> None:
    version = save_strategy(owner=alice, name="Mine", instruments=[desk.instrument()], timeframe="5m", face=CROSSING)
    offered: dict[str, Any] = {"offer": Offer.STRATEGY, "version_id": version.pk}
    for said, code in ((SAID, "STRATEGY_NOT_RUNNING"), ({**SAID, "conflicts": ""}, "DISCLOSURE_MISSING")):
        with pytest.raises(DomainError) as refused:
            publish_listing(owner=alice, portfolio=led, title="Mine", **offered, **said)
        assert refused.value.code == code


def test_who_leaves_and_comes_back_cannot_hide_a_record(alice: User, led: Portfolio) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="Lost half", description="Words.", tags=("x",))
    TrackRecord.objects.update(unit_value=0.5, peak=1.0)
    erase_person(user=alice)
    listing.refresh_from_db()
    assert (listing.state, listing.title, listing.tags.count()) == (ListingState.WITHDRAWN, "Withdrawn", 0)
    assert listing.versions.get().content["description"] == ""
    assert TrackRecord.objects.get(listing=listing).return_ratio == -0.5
    again = User.objects.create_user("alice@example.org", "correct horse")
    with pytest.raises(NotFound):
        publish_listing(owner=again, portfolio=led, title="Fresh")
    assert [one.portfolio_id for one in Listing.objects.all()] == [led.pk]
