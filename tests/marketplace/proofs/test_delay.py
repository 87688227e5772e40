"""The newest day of a paid listing's record is its subscribers'; what everybody gets is verified all the same."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError
from marketplace.billing.models import Price, Subscription
from marketplace.billing.selectors import listing_subject
from marketplace.proofs.models import Seal
from marketplace.proofs.selectors import delay_of, proof_of, verify
from tests.fixtures_verified import Sealed


@pytest.fixture
def paid(sealed: Sealed, bob: User) -> Sealed:
    """The listing with a price, to which bob subscribes; its first seal is two days old."""
    now, subject = wall_now(), listing_subject(sealed.listing.pk)
    times = {"due_at": now, "created_at": now}
    terms = {"interval": "month", "currency": "usd", "amount_minor": 900, "mode": "TEST", "state": "LIVE"}
    price = Price.objects.create(listing=sealed.listing, subject=subject, **terms, **times)
    Subscription.objects.create(
        user=bob,
        listing=sealed.listing,
        price=price,
        subject=subject,
        mode="TEST",
        processor_id="sub_1",
        status="active",
        started_at=now,
        fetched_at=now,
        right_until=now + timedelta(days=9),
    )
    Seal.objects.filter(first=1).update(sealed_at=now - timedelta(hours=24, minutes=1))
    return sealed


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"


def downloaded(sealed: Sealed, user: User | None) -> tuple[int, list[int]]:
    """Return how many fills a download says it holds, and which it holds."""
    client = Client()
    if user is not None:
        client.force_login(user)
    answer: Any = client.get(f"/marketplace/{sealed.listing.pk}/record/")
    header, *lines = [json.loads(line) for line in b"".join(answer).splitlines()]
    return header["fills"], [one["number"] for one in lines if "number" in one]


def test_subscribers_and_the_owner_get_all_others_what_is_a_day_old(
    paid: Sealed, alice: User, bob: User, charlie: User
) -> None:
    for reader in (alice, bob):
        assert downloaded(paid, reader) == (5, [1, 2, 3, 4, 5])
    for reader in (charlie, None):
        assert downloaded(paid, reader) == (3, [1, 2, 3])
    client = Client()
    address = f"/marketplace/{paid.listing.pk}/"
    assert b"ends a day ago" in client.get(address).content
    client.force_login(bob)
    assert b"ends a day ago" not in client.get(address).content
    # A right that lapsed is none.
    Subscription.objects.update(right_until=wall_now())
    assert downloaded(paid, bob) == (3, [1, 2, 3])


def test_one_fill_is_proven_to_others_when_it_is_a_day_old(paid: Sealed, bob: User, charlie: User) -> None:
    program = APIClient()
    address = f"/api/v1/listings/{paid.listing.pk}"
    program.force_authenticate(charlie)
    assert program.get(f"{address}/proofs/3/").json()["number"] == 3
    refused = program.get(f"{address}/proofs/4/")
    assert (refused.status_code, refused.json()["code"]) == (409, "RECORD_DELAYED")
    assert b'"number":4' not in b"".join(program.get(f"{address}/record/"))  # type: ignore[call-overload]  # it streams
    program.force_authenticate(bob)
    assert program.get(f"{address}/proofs/4/").json()["number"] == 4
    with pytest.raises(DomainError):
        proof_of(paid.listing, 4, delay=delay_of(paid.listing, charlie))


def test_a_free_record_is_everybodys_at_once_and_a_delayed_one_verifies(paid: Sealed) -> None:
    assert verify(paid.listing).holds
    Price.objects.update(state="RETIRED")
    assert downloaded(paid, None) == (5, [1, 2, 3, 4, 5])
