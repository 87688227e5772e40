"""The door of the processor's messages: forged, replayed, foreign, late, doubled and shuffled ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common.errors import DomainError
from common.ids import seeded_random
from marketplace.billing import checks
from marketplace.billing.models import Invoice, MoneyLine, ProcessorEvent, Subscription
from marketplace.billing.modes import check_mode
from marketplace.billing.services.inbox import process_due
from marketplace.billing.services.refunding import request_refund
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop, deliver, signed

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "price.created",
    "created": 1_790_000_000,
    "livemode": False,
    "data": {"object": {"id": "price_1"}},
}


@pytest.mark.django_db
def test_only_what_the_processor_signed_just_now_in_our_mode_is_stored(processor: StripeSandbox) -> None:
    body = json.dumps(EVENT).encode()
    assert deliver(EVENT, secret="whsec_other") == 400
    assert deliver(EVENT, age=301) == 400
    assert deliver(EVENT | {"livemode": True}) == 400
    assert deliver({"object": "event", "id": "evt_2"}) == 400
    header = {"Stripe-Signature": signed(body)}
    altered = body.replace(b"price_1", b"price_2")
    post = Client().post
    assert post("/webhooks/stripe/", altered, "application/json", headers=header).status_code == 400
    assert post("/webhooks/stripe/", b" " * 300_000, "application/json", headers=header).status_code == 413
    assert ProcessorEvent.objects.count() == 0
    assert [deliver(EVENT), deliver(EVENT)] == [200, 200]
    assert ProcessorEvent.objects.count() == 1


def _state() -> tuple[Any, ...]:
    facts = ("processor_id", "status", "cancels_at_end", "right_until", "period_end")
    return (
        sorted(Subscription.objects.values_list(*facts)),
        sorted(Invoice.objects.values_list("processor_id", "status", "paid_minor", "refunded_minor")),
        sorted(MoneyLine.objects.values_list("booking", "account", "amount_minor")),
    )


def test_shuffled_and_doubled_messages_come_to_the_same(shop: Shop, bob: User, processor: StripeSandbox) -> None:
    shop.subscribe(bob, shop.price())
    with shop.working():
        request_refund(user=bob, invoice=Invoice.objects.get())
    shop.hear()
    before = _state()
    for model in (MoneyLine, Invoice, Subscription, ProcessorEvent):
        if model is Invoice:
            Invoice.objects.get().refunds.all().delete()
        model.objects.all().delete()
    events = processor.control("GET", "events") * 2
    seeded_random("webhooks").shuffle(events)
    assert {deliver(event) for event in events} == {200}
    while process_due():
        pass
    assert _state() == before
    assert not ProcessorEvent.objects.filter(is_done=False).exists()


def test_a_silent_processor_is_asked_again(shop: Shop, bob: User, processor: StripeSandbox) -> None:
    price = shop.price()
    processor.fault("server_error_after", where="checkout", count=1)
    checkout = shop.begin(bob, price)
    assert checkout.state == "PENDING"
    shop.advance(0.001)
    checkout.refresh_from_db()
    assert checkout.state == "OPEN"


@pytest.mark.django_db
def test_the_two_modes_never_mix(settings: Settings, bob: User) -> None:
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = "sk_live_x", []
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(DomainError) as refused:
        check_mode("TEST")
    assert refused.value.code == "BILLING_MODE_MISMATCH"
    assert [one.id for one in checks.settings_fit()] == ["billing.E002", "billing.E003", "billing.E004"]
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    facts = {"started_at": "2026-01-01T00:00Z", "fetched_at": "2026-01-01T00:00Z"}
    Subscription.objects.create(user=bob, mode="LIVE", processor_id="sub_1", status="active", subject="x", **facts)
    assert [one.id for one in checks.modes_do_not_mix(databases=["default"])] == ["billing.E007"]
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(DomainError) as refused:
        check_mode("TEST")
    assert refused.value.message.startswith("Payments are not set up here: an operator has to set STRIPE_SECRET_KEY")
