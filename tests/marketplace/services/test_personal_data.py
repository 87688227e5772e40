"""A person who leaves takes their listings' words along; the record stays."""

from __future__ import annotations

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from marketplace.models import ListingState, TrackRecord
from marketplace.services.listings import publish_listing
from tests.fixtures_desk import Desk


def test_listings_are_exported_withdrawn_and_lose_their_words(alice: User, desk: Desk) -> None:
    listing = publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady", description="I am Alice.")
    [exported] = export_personal_data(user=alice)["marketplace"]["listings"]
    assert (exported["title"], exported["description"]) == ("Steady", "I am Alice.")
    erase_person(user=alice)
    listing.refresh_from_db()
    assert (listing.title, listing.description, listing.state) == ("Withdrawn", "", ListingState.WITHDRAWN)
    assert TrackRecord.objects.filter(listing=listing).exists()
