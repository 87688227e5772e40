"""Searches that somebody keeps, listings side by side, and what moves alike."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from common.ids import new_id
from engine.performance import unit_values
from marketplace.billing.models import Interval, Mode, Price
from marketplace.billing.selectors import listing_subject
from marketplace.models import Listing
from marketplace.search.comparing import compared, curves_of
from marketplace.search.models import SavedSearch, SimilarListing
from marketplace.search.saved import MOST_SAVED, save_search, saved_search_for_owner, tell_of_matches
from marketplace.search.similar import _returns_of, most_alike, refresh_similar
from marketplace.services.listings import publish_listing, withdraw_listing
from portfolios.models import EquitySnapshot, SnapshotGrain
from tests.fixtures_desk import NOON, Desk
from tests.marketplace.search.test_exclusions import days


def fall_due() -> None:
    SavedSearch.objects.update(due_at=wall_now() - timedelta(seconds=1))


def test_new_matches_are_told_of_once_and_only_those(desk: Desk, alice: User, bob: User) -> None:
    publish_listing(owner=alice, portfolio=desk.portfolio(alice, name="Old"), title="Old momentum")
    saved = save_search(owner=bob, name="Mine", query="nonsense=1&q=momentum")
    assert saved.query == "q=momentum"
    assert tell_of_matches() == 0
    publish_listing(owner=alice, portfolio=desk.portfolio(alice, name="New"), title="New momentum")
    publish_listing(owner=alice, portfolio=desk.portfolio(alice, name="Calm"), title="Calm")
    publish_listing(owner=bob, portfolio=desk.portfolio(bob), title="Own momentum")
    assert tell_of_matches() == 0
    fall_due()
    assert tell_of_matches() == 1
    told = Notification.objects.get(event="search.matched")
    assert (told.user, told.context["titles"], told.context["count"]) == (bob, "New momentum", "1")
    fall_due()
    assert tell_of_matches() == 0


def test_a_kept_search_is_its_owners_alone_and_they_are_limited(alice: User, bob: User) -> None:
    saved = save_search(owner=alice, name="Mine", query="q=calm")
    for stranger in (bob, AnonymousUser(), None):
        with pytest.raises(NotFound):
            saved_search_for_owner(stranger, saved.pk)
    browser = Client()
    browser.force_login(bob)
    assert browser.post(reverse("marketplace:delete_search", args=[saved.pk])).status_code == 404
    assert save_search(owner=alice, name="Mine", query="q=bold").pk == saved.pk
    for number in range(MOST_SAVED - 1):
        save_search(owner=alice, name=f"Search {number}", query="")
    with pytest.raises(DomainError, match="TOO_MANY_SEARCHES"):
        save_search(owner=alice, name="One more", query="")
    assert save_search(owner=alice, name="Mine", query="").query == ""


def test_four_at_most_are_compared_and_none_that_is_hidden(desk: Desk, alice: User, bob: User) -> None:
    found = [
        publish_listing(owner=alice, portfolio=desk.portfolio(alice, name=f"Book {n}"), title=f"Listing {n}")
        for n in range(5)
    ]
    withdraw_listing(actor=alice, listing=found[0])
    keys = [str(one.pk) for one in (found[1], *found)] + ["nonsense", str(new_id())]
    assert [one.title for one in compared(bob, keys)] == [f"Listing {n}" for n in (1, 2, 3, 4)]
    assert [one.title for one in compared(alice, keys)] == [f"Listing {n}" for n in (1, 0, 2, 3)]
    days(found[1].portfolio, [0.1, -0.5])
    curve = curves_of(compared(None, keys[:1]), None)[0]
    assert [round(value, 6) for _, value in curve["points"]] == [0.0, 0.1, -0.45]
    address = reverse("marketplace:compare")
    due = {"created_at": wall_now(), "due_at": wall_now()}
    Price.objects.create(
        listing=found[1],
        subject=listing_subject(found[1].pk),
        interval=Interval.MONTH,
        mode=Mode.TEST,
        currency="eur",
        amount_minor=1250,
        **due,
    )
    page = Client().get(address, {"listing": keys[:4]}).content
    assert b"Listing 2" in page
    assert b"12.50 EUR a month" in page
    assert b"Nothing to compare" in Client().get(address, {"listing": "nonsense"}).content


def test_what_moves_alike_is_found_by_the_days_that_both_have() -> None:
    chance = np.random.default_rng(7)
    market = chance.normal(0, 0.01, 90)
    rows = np.array([market, market * 2 + chance.normal(0, 0.001, 90), -market, chance.normal(0, 0.01, 90), market])
    rows[4, :61] = np.nan  # 29 days are too few
    found = [(one, other) for one, place, other, _, _ in most_alike(rows) if place == 1]
    assert (0, 1) in found
    assert (1, 0) in found
    assert all(4 not in pair for pair in found)
    value, common = next((value, common) for one, _, other, value, common in most_alike(rows) if (one, other) == (0, 1))
    assert (round(value, 9), common) == (round(float(np.corrcoef(rows[0], rows[1])[0, 1]), 9), 90)
    assert list(most_alike(np.zeros((0, 90)))) == []


def test_of_many_the_same_are_found_as_by_comparing_each_pair() -> None:
    """More of them than stand in one group, whose largest decides where is looked further."""
    rows = np.random.default_rng(3).normal(0, 0.01, (200, 90))
    every: Any = np.corrcoef(rows)
    np.fill_diagonal(every, -1)
    best = {one: np.argsort(-every[one])[:5].tolist() for one in range(200)}
    found: dict[int, list[int]] = {}
    for one, place, other, value, common in most_alike(rows):
        found.setdefault(one, []).append(other)
        assert (place, round(value, 9), common) == (len(found[one]), round(float(every[one, other]), 9), 90)
    assert found == best
    # What never moved is like nothing, and of two each is the other's.
    rows[0] = 0.01
    assert list(most_alike(rows[:2])) == []
    assert [(one, other) for one, _, other, _, _ in most_alike(rows[[1, 1]])] == [(0, 1), (1, 0)]


def test_daily_returns_are_those_of_the_unit_value(desk: Desk, alice: User) -> None:
    """Money paid in is no gain, a missing day no day, and of what was lost whole nothing is made."""
    worth = [(100, 100), (110, 100), (160, 150), (150, 140), None, (0, 140), (50, 190), (60, 190)]
    portfolio, other = desk.portfolio(alice, name="One"), desk.portfolio(alice, name="Other")
    days(other, [0.5])
    points = [(Decimal(equity), Decimal(paid)) for equity, paid in filter(None, worth)]
    for back, point in enumerate(reversed(worth)):
        if point is not None:
            facts = {"equity": Decimal(point[0]), "net_deposits": Decimal(point[1])}
            at = NOON - timedelta(days=back)
            EquitySnapshot.objects.create(portfolio=portfolio, grain=SnapshotGrain.DAY, at=at, **facts)
    values = unit_values(points)
    expected = [after / before - 1 for before, after in pairwise(values) if before > 0]
    returns = _returns_of([portfolio.pk, other.pk], NOON)
    made = np.flatnonzero(np.isfinite(returns[0]))[::-1]
    assert made.tolist() == [6, 5, 4, 2]
    assert returns[0, made].tolist() == pytest.approx(expected)
    assert (returns[1, 0], np.isfinite(returns[1]).sum()) == (pytest.approx(0.5), 1)


def test_what_moves_alike_stands_on_the_page(desk: Desk, alice: User) -> None:
    waves = [0.01 * (-1) ** (n // 3) for n in range(40)]
    found: dict[str, Listing] = {}
    for title, returns in {"One": waves, "Twin": waves, "Opposite": [-one for one in waves]}.items():
        portfolio = desk.portfolio(alice, name=title)
        days(portfolio, returns)
        found[title] = publish_listing(owner=alice, portfolio=portfolio, title=title)
    assert refresh_similar() == 2
    assert refresh_similar() == 2
    pair = SimilarListing.objects.get(listing=found["One"])
    assert (pair.other, pair.place, round(pair.correlation, 9), pair.days) == (found["Twin"], 1, 1.0, 40)
    page = Client().get(reverse("marketplace:detail", args=[found["One"].pk])).content.decode()
    assert "Moves alike" in page
    assert "1 over 40 days" in page
