"""What the tests of the processor sell, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import stripe

from tests.fixtures_stripe import StripeSandbox

FAILS_LATER = "4000000000000341"


@dataclass(slots=True)
class Shop:
    """A client, a product's monthly and yearly price, and an onboarded lead."""

    sandbox: StripeSandbox
    client: stripe.StripeClient
    product: str
    monthly: str
    yearly: str
    lead: str

    def subscribe(self, *, number: str = "4242424242424242", price: str = "", **data: object) -> stripe.Subscription:
        """Walk a person through checkout and return the subscription; `data` is subscription_data."""
        line = {"price": price or self.monthly, "quantity": 1}
        asked: Any = {
            "mode": "subscription",
            "line_items": [line],
            "success_url": "http://127.0.0.1/done?session={CHECKOUT_SESSION_ID}",
            "subscription_data": data,
        }
        session = self.client.v1.checkout.sessions.create(asked)
        done = self.sandbox.check_out(session.id, number=number, email="bob@example.com")
        return self.client.v1.subscriptions.retrieve(done["subscription"])


def opened(sandbox: StripeSandbox) -> Shop:
    """Open a shop: 29.00 a month, 290.00 a year, and a lead who can be paid."""
    client = sandbox.client()
    product = client.v1.products.create({"name": "Copy alice"}).id
    monthly = client.v1.prices.create(
        {"currency": "usd", "product": product, "unit_amount": 2900, "recurring": {"interval": "month"}}
    )
    yearly = client.v1.prices.create(
        {"currency": "usd", "product": product, "unit_amount": 29000, "recurring": {"interval": "year"}}
    )
    lead = client.v1.accounts.create(
        {"type": "express", "country": "US", "capabilities": {"transfers": {"requested": True}}}
    ).id
    sandbox.onboard(lead)
    return Shop(sandbox, client, product, monthly.id, yearly.id, lead)


def status(shop: Shop, subscription: str) -> str:
    """Return a subscription's state."""
    return str(shop.client.v1.subscriptions.retrieve(subscription).status)
