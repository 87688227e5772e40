"""Pages and API of trading on margin: terms, funding, the ticket's estimate and the positions; each at its gate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from portfolios.margin_models import FundingTime
from tests.fixtures_waiting_on_margin import Perpetual


def terms_url(perpetual: Perpetual, api: bool = False) -> str:
    name = "trading_api:margin_terms" if api else "portfolios:margin_terms"
    return reverse(name, args=[perpetual.book.pk, perpetual.instrument.pk])


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def test_the_owner_chooses_terms_on_a_page_that_shows_the_tiers(perpetual: Perpetual) -> None:
    client = client_of(perpetual.pit.alice)
    page = client.get(terms_url(perpetual)).content.decode()
    assert "20x" in page and "10x" in page and "1.00%" in page
    answer = client.post(terms_url(perpetual), {"leverage": 5, "margin_mode": "CROSS"})
    assert answer.status_code == 302
    assert (perpetual.position().leverage, perpetual.position().margin_mode) == (5, "CROSS")
    refused = client.post(terms_url(perpetual), {"leverage": 50, "margin_mode": "CROSS"})
    assert refused.status_code == 400
    assert "Choose a leverage from 1 to 20" in refused.content.decode()
    assert perpetual.position().leverage == 5


@pytest.mark.parametrize("who", ["bob", "nobody"])
def test_terms_and_funding_of_others_are_not_there(perpetual: Perpetual, bob: User, who: str) -> None:
    user = bob if who == "bob" else None
    client, api = client_of(user), APIClient()
    api.force_authenticate(user)
    for url in (terms_url(perpetual), reverse("portfolios:funding", args=[perpetual.book.pk])):
        assert client.get(url).status_code == (404 if user else 302)
    assert client.post(terms_url(perpetual), {"leverage": 5, "margin_mode": "CROSS"}).status_code in (302, 404)
    assert api.put(
        terms_url(perpetual, api=True), {"leverage": 5, "margin_mode": "CROSS"}, format="json"
    ).status_code in (401, 403, 404)
    assert api.get(reverse("portfolios_api:funding_payments", args=[perpetual.book.pk])).status_code in (401, 403, 404)
    assert not perpetual.book.positions.exists()


def test_the_api_reads_and_sets_terms(perpetual: Perpetual) -> None:
    api = APIClient()
    api.force_authenticate(perpetual.pit.alice)
    url = terms_url(perpetual, api=True)
    assert api.get(url).json() == {"leverage": 1, "margin_mode": "ISOLATED", "max_leverage": 20}
    asked = {"leverage": 7, "margin_mode": "ISOLATED"}
    assert api.put(url, asked, format="json").json() == asked | {"max_leverage": 20}
    refused = api.put(url, {"leverage": 21, "margin_mode": "ISOLATED"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "LEVERAGE_NOT_ALLOWED")


def test_the_estimate_says_what_is_bound_and_where_it_is_liquidated(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(10)
    client = client_of(perpetual.pit.alice)
    asked = {
        "instrument": str(perpetual.instrument.pk),
        "side": "SELL",
        "quantity": "30",
        "kind": "MARKET",
        "unit": "BASE",
    }
    page = client.get(reverse("portfolios:estimate", args=[perpetual.book.pk]), asked).content.decode()
    assert "Closes of what is held</dt><dd>10 BTC" in page
    assert "Opens a short of</dt><dd>20 BTC" in page
    # 20 x 100 / 10; a short of 20 with 200 behind it: 2,200 / 20.2.
    assert "<strong>200.00</strong> USDT" in page
    assert "108.91 USDT" in page
    assert "10x isolated" in page


def test_positions_show_side_terms_and_liquidation_price_and_the_page_of_funding_what_was_paid(
    perpetual: Perpetual,
) -> None:
    perpetual.terms(10)
    perpetual.pit.sell(10)
    at = datetime(2026, 3, 2, 16, tzinfo=UTC)
    FundingTime.objects.create(instrument=perpetual.instrument, at=at, rate=Decimal("0.0005"))
    perpetual.pass_hours(4)
    client = client_of(perpetual.pit.alice)
    page = client.get(reverse("portfolios:positions", args=[perpetual.book.pk])).content.decode()
    assert "Short" in page and "10x isolated" in page and "margin 100.50" in page
    # 1,100.5 / 10.1
    assert "Liquidated at 108.96" in page
    paid = client.get(reverse("portfolios:funding", args=[perpetual.book.pk])).content.decode()
    assert "-0.5" in paid.replace("−", "-") and "0.0500%" in paid
    assert client.get(reverse("portfolios:detail", args=[perpetual.book.pk])).status_code == 200
    api = APIClient()
    api.force_authenticate(perpetual.pit.alice)
    [held] = api.get(reverse("portfolios_api:positions", args=[perpetual.book.pk])).json()["results"]
    told = {name: held[name] for name in ("side", "margin_mode", "leverage", "margin", "funding_paid", "quantity")}
    assert told == {
        "side": "SHORT",
        "margin_mode": "ISOLATED",
        "leverage": 10,
        "margin": "100.5",
        "funding_paid": "-0.5",
        "quantity": "-10",
    }
    [payment] = api.get(reverse("portfolios_api:funding_payments", args=[perpetual.book.pk])).json()["results"]
    assert (payment["amount"], payment["rate"], payment["mark"]) == ("-0.5", "0.0005", "100")
