"""A shop against the stand-in processor: alice sells the following of a portfolio, bob buys; in few words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common import clock
from marketplace.billing.models import Checkout, Interval, Price, Subscription
from marketplace.billing.selectors import listing_subject
from marketplace.billing.services.buying import begin_checkout
from marketplace.billing.services.lapsing import keep_rights
from marketplace.billing.services.pricing import set_price
from marketplace.billing.services.selling import finish_onboarding, start_onboarding
from marketplace.billing.services.sweeping import sweep
from marketplace.services.listings import publish_listing
from tests.fixtures_desk import Working
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_trading import Pit

SECRET = "whsec_sandbox"


@pytest.fixture
def processor(stripe_sandbox: StripeSandbox, settings: Settings) -> Iterator[StripeSandbox]:
    """Give the stand-in, empty, with the platform set up for it; wall time follows its clock."""
    settings.STRIPE_SECRET_KEY = stripe_sandbox.key
    settings.STRIPE_API_BASE = stripe_sandbox.base
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    before = clock.use_wall_clock(None)
    yield stripe_sandbox
    clock.use_wall_clock(before)


def real_now() -> datetime:
    """Return the system's time, whatever the wall clock of the test says: the SDK looks at that."""
    later = clock.use_wall_clock(None)
    try:
        return clock.wall_now()
    finally:
        clock.use_wall_clock(later)


def signed(body: bytes, secret: str = SECRET, age: int = 0) -> str:
    """Return the header with which the processor signs a message."""
    at = int(real_now().timestamp()) - age
    made = stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret)
    return f"t={at},v1={made}"


def deliver(event: dict[str, Any], **options: Any) -> int:
    """Send a message to the door, and return the status of its answer."""
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signed(body, **options)}
    return Client().post("/webhooks/stripe/", body, "application/json", headers=headers).status_code


class Shop:
    """alice's listing with prices, and whoever buys."""

    def __init__(self, processor: StripeSandbox, pit: Pit, working: Working) -> None:
        self.processor, self.pit, self.working = processor, pit, working
        self.alice = pit.alice
        self.listing = publish_listing(owner=self.alice, portfolio=pit.lead, title="Steady")
        self._sent: set[str] = set()
        self._offset = timedelta(0)

    def onboard(self) -> None:
        start_onboarding(user=self.alice)
        seller = finish_onboarding(user=self.alice)
        assert seller is not None
        self.processor.onboard(seller.processor_id)
        finish_onboarding(user=self.alice)

    def price(self, amount: str = "10", interval: Interval = Interval.MONTH, **terms: Any) -> Price:
        with self.working():
            price = set_price(
                owner=self.alice,
                listing=self.listing,
                interval=interval,
                amount=Decimal(amount),
                currency=terms.pop("currency", "usd"),
                **terms,
            )
        price.refresh_from_db()
        return price

    def begin(self, user: User, price: Price) -> Checkout:
        with self.working():
            checkout = begin_checkout(user=user, price=price)
        checkout.refresh_from_db()
        return checkout

    def subscribe(self, user: User, price: Price, card: str = "4242424242424242") -> Subscription:
        """Buy: through the payment page, and back by the processor's messages."""
        checkout = self.begin(user, price)
        self.processor.check_out(checkout.processor_id, number=card)
        self.hear()
        return Subscription.objects.get(user=user, subject=price.subject, status__in=["active", "trialing"])

    def hear(self) -> int:
        """Take in what the processor has sent since the last time."""
        news = [event for event in self.processor.control("GET", "events") if event["id"] not in self._sent]
        with self.working():
            for event in news:
                assert deliver(event) == 200
        self._sent |= {event["id"] for event in news}
        return len(news)

    def advance(self, days: float) -> None:
        """Let time pass, here and there, and take in what happened."""
        self.processor.advance(days=days)
        self._offset += timedelta(days=days)
        clock.use_wall_clock(lambda: real_now() + self._offset)
        self.hear()
        with self.working():
            sweep()
            keep_rights()

    @property
    def subject(self) -> str:
        return listing_subject(self.listing.pk)


@pytest.fixture
def shop(processor: StripeSandbox, pit: Pit, working: Working) -> Shop:
    made = Shop(processor, pit, working)
    made.onboard()
    return made
