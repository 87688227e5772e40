"""What trading on paper costs: its owner's to set within ranges, written down, told in words; nobody else's, and no account's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from common.errors import DomainError
from portfolios.costs import CostModel, costs_of, in_words, is_on_paper
from portfolios.models import Portfolio, PortfolioKind
from portfolios.services.costs import set_costs
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import Desk

D = Decimal
MODEL = CostModel(D(1), D("7.5"), D(3), D(250), D(100))
SENT = {
    "maker_fee_bps": "1",
    "taker_fee_bps": "7.5",
    "slippage_bps": "3",
    "latency_ms": "250",
    "latency_jitter_ms": "100",
}
FRESH = CostModel(None, None, D(2), D(0), D(0))


@pytest.fixture
def book(desk: Desk, alice: User) -> Portfolio:
    desk.step({desk.instrument(): 100})
    return desk.portfolio(alice)


def as_(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_costs_are_kept_and_written_down_once(book: Portfolio, alice: User) -> None:
    assert costs_of(Portfolio.objects.get()) == FRESH
    set_costs(actor=alice, portfolio=book, model=MODEL)
    assert costs_of(Portfolio.objects.get()) == MODEL
    [entry] = AuditEntry.objects.filter(action="portfolio.costs")
    none: dict[str, str | None] = {"maker_fee_bps": None, "taker_fee_bps": None}
    assert entry.before == {**none, "slippage_bps": "2", "latency_ms": "0", "latency_jitter_ms": "0"}
    assert (entry.actor, entry.after) == (alice, SENT)
    set_costs(actor=alice, portfolio=book, model=MODEL)
    assert AuditEntry.objects.filter(action="portfolio.costs").count() == 1


@pytest.mark.parametrize(
    ("field", "most", "finest"),
    [
        ("maker_fee_bps", "500", "0.0001"),
        ("taker_fee_bps", "500", "0.0001"),
        ("slippage_bps", "1000", "0.0001"),
        ("latency_ms", "60000", "1"),
        ("latency_jitter_ms", "60000", "1"),
    ],
)
def test_each_figure_has_its_range(book: Portfolio, alice: User, field: str, most: str, finest: str) -> None:
    for value in ("0", most, finest):
        set_costs(actor=alice, portfolio=book, model=replace(MODEL, **{field: D(value)}))
        assert getattr(costs_of(Portfolio.objects.get()), field) == D(value)
    before = costs_of(Portfolio.objects.get())
    for bad in (D("-0.0001"), D(most) + D(finest), D(finest) / 10, D("NaN"), D("Infinity")):
        with pytest.raises(DomainError) as refusal:
            set_costs(actor=alice, portfolio=book, model=replace(MODEL, **{field: bad}))
        assert (refusal.value.code, refusal.value.context) == ("COST_INVALID", {"field": field})
    assert costs_of(Portfolio.objects.get()) == before


@pytest.mark.parametrize("kind", [PortfolioKind.LIVE, PortfolioKind.SANDBOX])
def test_an_accounts_costs_are_its_venues(book: Portfolio, alice: User, unchanged: Unchanged, kind: str) -> None:
    Portfolio.objects.update(kind=kind)
    book.refresh_from_db()
    assert not is_on_paper(book)
    with unchanged(), pytest.raises(DomainError) as refusal:
        set_costs(actor=alice, portfolio=book, model=MODEL)
    assert (refusal.value.code, refusal.value.status) == ("NOT_ON_PAPER", 409)


def test_in_a_competition_they_are_everybodys(book: Portfolio, alice: User, unchanged: Unchanged) -> None:
    Portfolio.objects.update(cash_is_locked=True)
    with unchanged(), pytest.raises(DomainError) as refusal:
        set_costs(actor=alice, portfolio=book, model=MODEL)
    assert (refusal.value.code, refusal.value.status) == ("COSTS_LOCKED", 409)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (FRESH, "fees of the venue · slippage 2 bps · no latency"),
        (MODEL, "maker fee 1 bps, taker fee 7.5 bps · slippage 3 bps · 250–350 ms late"),
        (replace(FRESH, maker_fee_bps=D(0)), "maker fee 0 bps, taker fee of the venue · slippage 2 bps · no latency"),
        (replace(FRESH, latency_ms=D(2000)), "fees of the venue · slippage 2 bps · 2,000 ms late"),
        (replace(FRESH, latency_jitter_ms=D(80)), "fees of the venue · slippage 2 bps · 0–80 ms late"),
    ],
)
def test_a_model_is_told_in_words(model: CostModel, words: str) -> None:
    assert in_words(model) == words


def test_the_api_reads_and_sets_them(book: Portfolio, alice: User, charlie: User) -> None:
    to = reverse("portfolios_api:costs", args=[book.pk])
    read = as_(alice).get(to).json()
    assert read == FRESH.figures() | {"in_words": "fees of the venue · slippage 2 bps · no latency"}
    answer = as_(alice).put(to, SENT, format="json")
    label = "maker fee 1 bps, taker fee 7.5 bps · slippage 3 bps · 250–350 ms late"
    assert (answer.status_code, answer.json()) == (200, SENT | {"in_words": label})
    assert as_(alice).get(reverse("portfolios_api:portfolio", args=[book.pk])).json()["costs"] == label
    assert as_(alice).put(to, SENT | {"maker_fee_bps": None}, format="json").json()["maker_fee_bps"] is None
    missing = {name: value for name, value in SENT.items() if name != "latency_ms"}
    assert as_(alice).put(to, missing, format="json").status_code == 400
    assert as_(charlie).put(to, SENT, format="json").status_code == 404
    assert costs_of(Portfolio.objects.get()).maker_fee_bps is None


def test_the_page_shows_and_keeps_them(book: Portfolio, alice: User, client: Client) -> None:
    client.force_login(alice)
    to = reverse("portfolios:costs", args=[book.pk])
    assert client.get(to).context["form"].initial == FRESH.figures()
    assert client.post(to, SENT | {"maker_fee_bps": ""}).status_code == 302
    assert costs_of(Portfolio.objects.get()) == replace(MODEL, maker_fee_bps=None)
    shown = client.get(reverse("portfolios:detail", args=[book.pk])).content.decode()
    assert "Maker fee of the venue, taker fee 7.5 bps · slippage 3 bps · 250–350 ms late" in shown
    refused = client.post(to, SENT | {"latency_ms": "60001"})
    assert refused.status_code == 400
    assert refused.context["form"].errors == {"latency_ms": ["Enter between 0 and 60,000 ms, with no decimals."]}
    Portfolio.objects.update(kind=PortfolioKind.LIVE)
    assert "orders go to an exchange" in client.get(to).content.decode()
    assert client.post(to, SENT).status_code == 400
    assert costs_of(Portfolio.objects.get()) == replace(MODEL, maker_fee_bps=None)
