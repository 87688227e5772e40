"""Webhooks hear of a person's fills, orders and follows; others' stay their own."""

from __future__ import annotations

import json

from accounts.models import User
from accounts.webhooks.models import WebhookDelivery
from accounts.webhooks.services import collect_facts, create_endpoint
from accounts.webhooks.sources import event_names
from tests.fixtures_trading import Pit
from trading.models import Fill


def test_a_lead_and_its_follower_hear_each_of_their_own(pit: Pit, alice: User, bob: User, charlie: User) -> None:
    people = {alice: "alice", bob: "bob", charlie: "charlie"}
    for person in people:
        create_endpoint(
            user=person, url="https://example.com/", events=[one for one in event_names() if one != "notification"]
        )
    collect_facts()
    follow = pit.follow(bob)
    pit.buy("1")
    collect_facts()
    assert collect_facts() == 0
    told: dict[str, list[str]] = {name: [] for name in people.values()}
    for one in WebhookDelivery.objects.select_related("endpoint__user").order_by("event"):
        told[people[one.endpoint.user]].append(one.event)
    assert told == {
        "alice": ["fill.recorded", "follow.started", "order.filled"],
        "bob": ["fill.recorded", "follow.started", "order.filled"],
        "charlie": [],
    }
    fill = Fill.objects.get(portfolio=follow.portfolio)
    body = json.loads(WebhookDelivery.objects.get(event="fill.recorded", endpoint__user=bob).body)
    assert (body["id"], body["data"]["portfolio"], body["data"]["price"]) == (
        str(fill.pk),
        str(follow.portfolio_id),
        "100",
    )
