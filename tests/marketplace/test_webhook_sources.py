"""Webhooks hear of one's own listings: once, in order, and not of anybody else's."""

from __future__ import annotations

import json

from accounts.models import User
from accounts.webhooks.models import WebhookDelivery
from accounts.webhooks.services import collect_facts, create_endpoint
from marketplace.services.listings import publish_listing, withdraw_listing
from tests.fixtures_desk import Desk


def test_a_lead_hears_of_its_listing_and_nobody_else_does(alice: User, bob: User, desk: Desk) -> None:
    events = ["listing.published", "listing.withdrawn"]
    endpoint, _ = create_endpoint(user=alice, url="https://example.com/", events=events)
    create_endpoint(user=bob, url="https://example.com/", events=events)
    create_endpoint(user=alice, url="https://example.com/", events=["fill.recorded"])
    collect_facts()
    listing = publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")
    assert (collect_facts(), collect_facts()) == (1, 0)
    withdraw_listing(actor=alice, listing=listing)
    assert (collect_facts(), collect_facts()) == (1, 0)
    told = WebhookDelivery.objects.order_by("id")
    assert [(one.endpoint_id, one.event) for one in told] == [(endpoint.pk, name) for name in events]
    assert json.loads(told[1].body)["data"] == {"event": "withdrawn", "listing": str(listing.pk)}
