"""The marketplace API: publish, read, follow; strangers change nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common.clock import wall_now
from common.ids import new_id
from marketplace import limits
from marketplace.models import Listing, ListingState
from marketplace.services.listings import publish_listing, withdraw_listing
from marketplace.services.records import refresh_records
from portfolios.models import Balance, EquitySnapshot
from tests.fixtures_desk import NOON, Desk
from trading.copy_terms import TERMS, TERMS_VERSION
from trading.follow_models import FollowConsent
from trading.models import Follow


def program_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def at(name: str, *key: object) -> str:
    return reverse(f"marketplace_api:{name}", args=key)


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady", description="Calm.")


def follow_body(desk: Desk, follower: User, **changes: Any) -> dict[str, Any]:
    source = desk.portfolio(follower, name=f"Source {new_id().hex[-6:]}")
    return {
        "from_portfolio": str(source.pk),
        "amount": "2500.5",
        "multiplier": "1.5",
        "accepted_terms": TERMS_VERSION,
    } | changes


def test_a_portfolio_is_published_changed_and_withdrawn(alice: User, desk: Desk) -> None:
    client, portfolio = program_of(alice), desk.portfolio(alice)
    body = {"portfolio": str(portfolio.pk), "title": "Steady", "description": "Calm."}
    answer = client.post(at("listings"), body, format="json")
    listing = Listing.objects.get()
    shown = {
        "id": str(listing.pk),
        "title": "Steady",
        "description": "Calm.",
        "owner": "alice",
        "kind": "PAPER",
        "namespace": desk.namespace,
        "settlement": "USDT",
        "state": "PUBLISHED",
        "published_at": answer.json()["published_at"],
        "profit_share_ratio": "0.1",
        "return_ratio": 0.0,
        "max_drawdown_ratio": 0.0,
        "equity": "0",
        "copied_capital": "0",
        "follower_count": 0,
        "as_of": None,
        "copies": answer.json()["copies"],
        "summary": "",
        "tags": [],
        "offer": "PORTFOLIO",
        "source": "SEALED",
        "suggested_minimum": None,
        "risk_class": None,
        "is_proven": False,
        "risks": "",
        "conflicts": "",
        "has_own_money": None,
    }
    assert shown["copies"]["follower_return_ratio"] is None
    assert (answer.status_code, answer.json()) == (201, shown)
    change = {"title": "Steadier", "profit_share_ratio": "0.25"}
    changed = client.patch(at("listing", listing.pk), change, format="json").json()
    assert changed == shown | change
    withdrawn = client.post(at("withdraw", listing.pk)).json()
    assert withdrawn == changed | {"state": "WITHDRAWN"}
    assert client.get(at("listing", listing.pk)).json() == withdrawn


def test_published_listings_are_read_with_their_record(bob: User, desk: Desk, listing: Listing) -> None:
    for minute, equity in enumerate((10_000, 11_000, 9_900)):
        EquitySnapshot.objects.create(
            portfolio=listing.portfolio,
            grain="MINUTE",
            at=NOON + timedelta(minutes=minute),
            equity=Decimal(equity),
            net_deposits=Decimal(10_000),
        )
    refresh_records()
    client = program_of(bob)
    [shown] = client.get(at("listings"), {"kind": "PAPER"}).json()["results"]
    assert shown["return_ratio"] == pytest.approx(-0.01)
    assert shown["max_drawdown_ratio"] == pytest.approx(0.1)
    assert (shown["equity"], shown["as_of"]) == ("9900", "2026-03-02T12:02:00Z")
    assert client.get(at("listings"), {"kind": "LIVE"}).json()["results"] == []
    curve = client.get(at("equity", listing.pk)).json()
    assert curve == [
        {"at": f"2026-03-02T12:0{minute}:00Z", "equity": equity}
        for minute, equity in enumerate(("10000", "11000", "9900"))
    ]


def test_a_listing_is_followed(bob: User, desk: Desk, listing: Listing) -> None:
    body = follow_body(desk, bob)
    answer = program_of(bob).post(at("follow", listing.pk), body, format="json")
    follow = Follow.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": str(follow.pk),
            "lead": str(listing.portfolio_id),
            "portfolio": str(follow.portfolio_id),
            "state": "ACTIVE",
            "multiplier": "1.500",
            "started_at": "2026-03-02T12:00:00Z",
        },
    )
    assert Balance.objects.get(portfolio=follow.portfolio).amount == Decimal("2500.5")
    consent = FollowConsent.objects.get(follow=follow)
    assert (consent.version, wall_now() - consent.accepted_at < timedelta(minutes=1)) == (TERMS_VERSION, True)


def test_a_program_reads_what_it_accepts_and_chooses_its_sizes(bob: User, desk: Desk, listing: Listing) -> None:
    client = program_of(bob)
    told = client.get(reverse("trading_api:follow_terms")).json()
    assert told == {"version": TERMS_VERSION, "terms": list(TERMS)}
    body = follow_body(desk, bob, settings={"sizing": "FIXED_MULTIPLE", "fixed_multiple": "0.5"}, multiplier="1")
    assert client.post(at("follow", listing.pk), body, format="json").status_code == 201
    follow = Follow.objects.get()
    assert follow.settings == {"sizing": "FIXED_MULTIPLE", "fixed_multiple": "0.5"}
    shown = client.get(reverse("trading_api:follow", args=[follow.pk])).json()
    assert (shown["accepted_terms"], shown["accepted_at"] is not None) == (TERMS_VERSION, True)


def test_forecasts_and_back_tests_are_rationed(
    bob: User, charlie: User, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RERUN_BURST", 2.0)
    monkeypatch.setattr(limits, "RERUNS_PER_SECOND", 0.01)
    client, asked = program_of(bob), {"amount": "100"}
    got = [client.get(at(name, listing.pk), asked).status_code for name in ("fit", "backtest", "fit", "backtest")]
    assert got == [200, 200, 429, 429]
    refused = client.get(at("fit", listing.pk), asked)
    assert (refused.json()["code"], int(refused["Retry-After"]) > 50) == ("THROTTLED", True)
    # A page of the same person waits as well, in words; somebody else does not.
    browser = Client()
    browser.force_login(bob)
    for name in ("fit", "what_if"):
        page = browser.get(reverse(f"marketplace:{name}", args=[listing.pk]), {"amount": "100", "multiplier": "1"})
        assert limits.TOO_OFTEN in page.content.decode()
    assert program_of(charlie).get(at("fit", listing.pk), asked).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": "-5"}, 400, "AMOUNT_NOT_POSITIVE"),
        ({"amount": "1e12"}, 400, "AMOUNT_TOO_LARGE"),
        ({"amount": "10001"}, 400, "INSUFFICIENT_BALANCE"),
        ({"amount": "plenty"}, 400, "INVALID_INPUT"),
        ({"amount": "NaN"}, 400, "INVALID_INPUT"),
        ({"multiplier": "4"}, 400, "MULTIPLIER_OUT_OF_RANGE"),
        ({"settings": {"sizing": "GUESS"}}, 400, "SETTING_INVALID"),
        ({"accepted_terms": "1999-01"}, 400, "TERMS_NOT_ACCEPTED"),
        ({"accepted_terms": None}, 400, "INVALID_INPUT"),
        ({"from_portfolio": "01890000-0000-7000-8000-000000000000"}, 404, "NOT_FOUND"),
    ],
)
def test_a_refused_follow_changes_nothing(
    bob: User, desk: Desk, listing: Listing, changes: dict[str, str], status: int, code: str
) -> None:
    answer = program_of(bob).post(at("follow", listing.pk), follow_body(desk, bob, **changes), format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Follow.objects.count() == 0
    assert Balance.objects.get(portfolio__owner=bob).amount == Decimal(10_000)


def test_another_persons_money_is_not_there(bob: User, charlie: User, desk: Desk, listing: Listing) -> None:
    answer = program_of(bob).post(at("follow", listing.pk), follow_body(desk, charlie), format="json")
    assert (answer.status_code, Follow.objects.count()) == (404, 0)


def test_only_its_owner_writes_a_listing(bob: User, charlie: User, listing: Listing) -> None:
    body = {"portfolio": str(listing.portfolio_id), "title": "Mine"}
    for user, status in ((bob, 404), (charlie, 404), (None, 401)):
        client = program_of(user)
        assert client.patch(at("listing", listing.pk), {"title": "Mine"}, format="json").status_code == status
        assert client.post(at("withdraw", listing.pk)).status_code == status
        assert client.post(at("listings"), body, format="json").status_code == status
    listing.refresh_from_db()
    assert (listing.title, listing.state, Listing.objects.count()) == ("Steady", ListingState.PUBLISHED, 1)


def test_what_is_withdrawn_is_not_there_for_strangers(
    alice: User, bob: User, charlie: User, desk: Desk, listing: Listing
) -> None:
    program_of(bob).post(at("follow", listing.pk), follow_body(desk, bob), format="json")
    withdraw_listing(actor=alice, listing=listing)
    for user, status in ((alice, 200), (bob, 200), (charlie, 404), (None, 401)):
        client = program_of(user)
        assert client.get(at("listing", listing.pk)).status_code == status
        assert client.get(at("equity", listing.pk)).status_code == status
    late = program_of(charlie).post(at("follow", listing.pk), follow_body(desk, charlie), format="json")
    assert (late.status_code, Follow.objects.count()) == (404, 1)
    again = program_of(bob).post(at("follow", listing.pk), follow_body(desk, bob), format="json")
    assert (again.status_code, again.json()["code"]) == (409, "LISTING_WITHDRAWN")
