"""A shop against the stand-in processor: alice sells the following of a portfolio, bob buys; in few words."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

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
from tests.fixtures_trading import Pit

DAY = 86_400
SECRET = "whsec_test"


class Processor:
    """The stand-in's control endpoints."""

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base, key

    def control(self, name: str, method: str = "POST", **body: Any) -> Any:
        data = None if method == "GET" else json.dumps(body).encode()
        with urlopen(Request(f"{self.base}/sandbox/{name}", data=data, method=method), timeout=10) as answer:
            return json.load(answer)

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("events", "GET")
        return found


@pytest.fixture(scope="session")
def processor_process() -> Iterator[Processor]:
    command = [sys.executable, "-m", "sandbox.stripe", "--port", "0", "--end-with-stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    words = process.stdout.readline().split()
    try:
        yield Processor(words[words.index("at") + 1], words[-1])
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def processor(processor_process: Processor, settings: Settings) -> Iterator[Processor]:
    """Give the stand-in, empty, with the platform set up for it; wall time follows its clock."""
    settings.STRIPE_SECRET_KEY = processor_process.key
    settings.STRIPE_API_BASE = processor_process.base
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    processor_process.control("reset")
    before = clock.use_wall_clock(None)
    yield processor_process
    clock.use_wall_clock(before)


def signed(body: bytes, secret: str = SECRET, age: int = 0) -> str:
    """Return the header with which the processor signs a message."""
    at = int(time.time()) - age
    made = stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret)
    return f"t={at},v1={made}"


def deliver(event: dict[str, Any], **options: Any) -> int:
    """Send a message to the door, and return the status of its answer."""
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signed(body, **options)}
    return Client().post("/webhooks/stripe/", body, "application/json", headers=headers).status_code


class Shop:
    """alice's listing with prices, and whoever buys."""

    def __init__(self, processor: Processor, pit: Pit, working: Working) -> None:
        self.processor, self.pit, self.working = processor, pit, working
        self.alice = pit.alice
        self.listing = publish_listing(owner=self.alice, portfolio=pit.lead, title="Steady")
        self._sent: set[str] = set()
        self._offset = timedelta(0)

    def onboard(self) -> None:
        start_onboarding(user=self.alice)
        seller = finish_onboarding(user=self.alice)
        assert seller is not None
        self.processor.control("onboard", account=seller.processor_id)
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
        self.processor.control("checkout", session=checkout.processor_id, number=card)
        self.hear()
        return Subscription.objects.get(user=user, subject=price.subject, status__in=["active", "trialing"])

    def hear(self) -> int:
        """Take in what the processor has sent since the last time."""
        news = [event for event in self.processor.events() if event["id"] not in self._sent]
        with self.working():
            for event in news:
                assert deliver(event) == 200
        self._sent |= {event["id"] for event in news}
        return len(news)

    def advance(self, days: float) -> None:
        """Let time pass, here and there, and take in what happened."""
        self.processor.control("advance", seconds=int(days * DAY))
        self._offset += timedelta(days=days)
        clock.use_wall_clock(lambda: datetime.now(tz=clock.UTC) + self._offset)
        self.hear()
        with self.working():
            sweep()
            keep_rights()

    @property
    def subject(self) -> str:
        return listing_subject(self.listing.pk)


@pytest.fixture
def shop(processor: Processor, pit: Pit, working: Working) -> Shop:
    made = Shop(processor, pit, working)
    made.onboard()
    return made


