"""Searching: words, misspelt ones, facets with their counts, sorts; the same on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from common.full_text import words_of
from marketplace.models import CopyRecord, Listing, TrackRecord
from marketplace.search.models import ListingIndex
from marketplace.search.selectors import Query, aggregate_of, listings_at, search
from marketplace.search.services import index_changed, index_listings, ranks, refresh_ranking
from marketplace.services.listings import publish_listing, update_listing, withdraw_listing
from marketplace.services.personal_data import erase_listings
from markets.models import SourceKind
from portfolios.models import Position
from tests.fixtures_desk import NOON, Desk


def asked(address: str) -> Query:
    return Query.of(QueryDict(address))


def titles(address: str) -> list[str]:
    return [one.title for one in listings_at(search(asked(address)).keys)]


def counts(address: str, facet: str) -> dict[str, int]:
    found = next(one for one in search(asked(address)).facets if one.name == facet)
    return {one.value: one.count for one in found.values if one.count}


@pytest.fixture
def three(alice: User, bob: User, desk: Desk) -> dict[str, Listing]:
    """A trend follower that trades BTC, a calm one that trades ETH, and one on made prices."""
    made = Desk(SourceKind.SIMULATED)
    told = (
        (alice, desk, "Momentum of majors", "Buys what rises."),
        (bob, desk, "Calm", "No momentum here: <b>carry</b> alone."),
        (alice, made, "Made up", ""),
    )
    found = {}
    for owner, at, title, text in told:
        portfolio = at.portfolio(owner, 1_000, title)
        found[title] = publish_listing(owner=owner, portfolio=portfolio, title=title, description=text)
    for (title, listing), base in zip(found.items(), ("BTC", "ETH", "BTC"), strict=True):
        at = made if title == "Made up" else desk
        Position.objects.create(portfolio=listing.portfolio, instrument=at.instrument(base))
    figures = {"Momentum of majors": (1.2, 0.25, 100), "Calm": (1.05, 0.02, 400), "Made up": (9.0, 0.5, 20)}
    for title, (value, drawdown, days) in figures.items():
        facts = {
            "unit_value": value,
            "max_drawdown_ratio": drawdown,
            "as_of": NOON + timedelta(days=days),
            "equity": 1_000,
        }
        TrackRecord.objects.filter(listing=found[title]).update(**facts)
    refresh_ranking()
    return found


def test_words_begin_words_of_title_lead_market_or_text(three: dict[str, Listing]) -> None:
    assert titles("q=momentum") == ["Momentum of majors", "Calm"]
    assert titles("q=MOMEN+major") == ["Momentum of majors"]
    assert titles("q=eth-usdt") == ["Calm"]
    assert titles("q=bob") == ["Calm"]
    assert titles("q=carry+alone+nothing") == []
    # Neither a wildcard, nor an operator, nor a quote means anything.
    assert titles("q=%25_") == titles("q=!!!") == ["Momentum of majors", "Calm", "Made up"]
    assert titles("q=momentum'+%26+|+!zzz:*") == []
    assert words_of("a\0b ÄÖ-1") == ["a", "b", "äö", "1"]


def test_the_best_match_has_the_word_in_its_title(three: dict[str, Listing]) -> None:
    assert titles("q=momentum&sort=relevance")[0] == "Momentum of majors"


def test_a_misspelt_word_finds_what_was_meant_and_says_so(three: dict[str, Listing]) -> None:
    found = search(asked("q=momentun"))
    assert (found.instead, found.total) == ("momentum", 2)
    assert search(asked("q=momentum")).instead == ""
    assert search(asked("q=xyzzyplugh")).total == 0


def test_facets_count_what_each_value_would_leave(three: dict[str, Listing]) -> None:
    assert counts("", "kind") == {"PAPER": 2, "SIMULATED": 1}
    assert counts("", "market") == {"BTC-USDT": 2, "ETH-USDT": 1}
    assert counts("", "age") == {"0": 1, "90": 1, "365": 1}
    assert counts("", "room") == {"open": 3}
    # A facet's own choice does not narrow its counts; the others' do.
    assert counts("market=ETH-USDT", "market") == {"BTC-USDT": 2, "ETH-USDT": 1}
    assert counts("market=ETH-USDT", "drawdown") == {"0": 1}
    assert counts("market=ETH-USDT&kind=SIMULATED", "market") == {"BTC-USDT": 1}
    assert counts("q=momentum&drawdown=0", "drawdown") == {"0": 1, "20": 1}


def test_values_are_alternatives_and_facets_narrow(three: dict[str, Listing]) -> None:
    assert titles("market=BTC-USDT&market=ETH-USDT&kind=PAPER") == ["Momentum of majors", "Calm"]
    assert titles("age=90&age=365&drawdown=0") == ["Calm"]
    assert titles("market=DOGE-USDT") == []
    assert asked("age=90&sort=return&nonsense=1&kind=").address() == "age=90&sort=return"


def test_kinds_are_never_mixed_by_what_they_came_to(three: dict[str, Listing]) -> None:
    assert titles("sort=return") == ["Momentum of majors", "Calm", "Made up"]
    assert titles("sort=drawdown") == ["Calm", "Momentum of majors", "Made up"]
    assert titles("sort=newest") == ["Made up", "Calm", "Momentum of majors"]


def test_followers_come_first_and_equals_share_a_place() -> None:
    assert ranks([None, 0.1, 0.2, 0.1, None], [9.0, 0.5, -0.5, 0.5, 9.5]) == [5, 2, 1, 2, 4]
    assert ranks([], []) == []


def test_a_new_listing_takes_the_place_it_would_have(three: dict[str, Listing]) -> None:
    """At once, and as the next full ranking says."""
    CopyRecord.objects.filter(listing=three["Calm"]).update(follower_return_ratio=0.01)
    index_listings(listing_ids=[three["Calm"].pk])
    assert titles("kind=PAPER") == ["Momentum of majors", "Calm"] or titles("kind=PAPER")[0] == "Calm"
    refresh_ranking()
    assert titles("kind=PAPER") == ["Calm", "Momentum of majors"]
    assert refresh_ranking() == 0


def test_words_and_state_are_found_as_they_are_now(three: dict[str, Listing], alice: User) -> None:
    listing = three["Momentum of majors"]
    update_listing(actor=alice, listing=listing, title="Reversal", description="")
    assert (titles("q=reversal"), titles("q=majors")) == (["Reversal"], [])
    withdraw_listing(actor=alice, listing=listing)
    assert titles("") == ["Calm", "Made up"]
    # What a service forgot to say, the next minute finds.
    Listing.objects.filter(pk=listing.pk).update(state="PUBLISHED")
    assert (index_changed(), index_changed()) == (1, 0)
    assert titles("q=reversal") == ["Reversal"]


def test_what_was_withdrawn_stays_in_what_its_kind_came_to(three: dict[str, Listing], alice: User) -> None:
    before = aggregate_of("PAPER")
    withdraw_listing(actor=alice, listing=three["Momentum of majors"])
    refresh_ranking()
    after = aggregate_of("PAPER")
    assert (before.leads, before.gone, after.leads, after.gone) == (2, 0, 2, 1)
    assert before.mean_return_ratio == after.mean_return_ratio == pytest.approx(0.125)


def test_a_search_takes_as_many_statements_with_words_as_with_facets(
    three: dict[str, Listing], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        search(asked("market=BTC-USDT&age=90&sort=rating"))
    with django_assert_num_queries(3):
        search(asked("q=momentum"))


def test_the_page_shows_chips_counts_and_a_way_out(three: dict[str, Listing]) -> None:
    client, address = Client(), reverse("marketplace:list")
    page = client.get(address, {"market": "ETH-USDT", "q": "calm"}).content.decode()
    assert "1 listing<" in page
    assert 'href="/marketplace/?q=calm"' in page
    assert 'name="market" value="ETH-USDT" checked' in page
    part = client.get(address, {"q": "nobody has this"}, headers={"HX-Target": "results"}).content.decode()
    assert "Nothing fits" in part
    assert "Show everything" in part
    assert "<html" not in part
    assert 'id="facet-list" class="dialog-body" hx-swap-oob="true"' in part
    shown = client.get(address, {"q": '<script>"'}).content.decode()
    assert "<script>&quot;" not in shown


def test_the_api_searches_the_same_and_refuses_what_is_no_value(three: dict[str, Listing], bob: User) -> None:
    program = APIClient()
    program.force_authenticate(bob)
    address = reverse("marketplace_api:listings")
    found = program.get(address, {"drawdown": "20", "page_size": "1"}).json()
    assert (found["count"], found["next"], found["results"][0]["title"]) == (1, None, "Momentum of majors")
    assert (found["results"][0]["place"], found["results"][0]["markets"]) == (1, ["BTC-USDT"])
    everything = program.get(address, {"page_size": 2}).json()
    assert len(program.get(everything["next"]).json()["results"]) == 1
    assert program.get(address, {"drawdown": "steep"}).status_code == 400


def test_what_was_never_public_is_neither_found_nor_counted(three: dict[str, Listing], alice: User) -> None:
    """Whatever calls for it: a price set on a draft, or an account with a draft that is erased."""
    listing = three["Momentum of majors"]
    ListingIndex.objects.filter(listing=listing).delete()
    Listing.objects.filter(pk=listing.pk).update(state="DRAFT", published_at=None)
    assert (index_listings(listing_ids=[listing.pk]), index_changed(), refresh_ranking()) == (0, 0, 1)
    assert (titles("kind=PAPER"), aggregate_of("PAPER").leads) == (["Calm"], 1)
    erase_listings(alice)
    assert aggregate_of("PAPER").leads == 1


def test_nobody_is_told_a_word_that_nothing_public_holds(three: dict[str, Listing], alice: User) -> None:
    update_listing(actor=alice, listing=three["Momentum of majors"], title="Quicksilver", description="")
    withdraw_listing(actor=alice, listing=three["Momentum of majors"])
    found = search(asked("q=quicksilber"))
    assert (found.instead, found.total) == ("", 0)
