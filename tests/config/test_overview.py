"""The page at /: one's own things, and for strangers what this is."""

from __future__ import annotations

from decimal import Decimal

from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.services.listings import publish_listing, withdraw_listing
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_past import ema_cross
from tests.fixtures_trading import Pit
from trading.follow_models import StopMode
from trading.services.follows import stop_follow


def _browser(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def test_ones_own_portfolios_follows_and_runs_are_on_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(20)
    shown = _browser(bob).get("/").context
    savings = bob.portfolios.exclude(pk=follow.portfolio_id).get()
    assert [(one.pk, worth.equity) for one, worth in shown["portfolios"]] == [(savings.pk, Decimal(0))]
    assert [(one.pk, worth.exposure) for one, worth in shown["follows"]] == [(follow.pk, Decimal(200))]
    assert list(shown["runs"]) == []
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    shown = _browser(bob).get("/").context
    assert [one.pk for one, _ in shown["portfolios"]] == [savings.pk, follow.portfolio_id]
    assert shown["follows"] == []


def test_a_running_strategy_is_on_it(pit: Pit) -> None:
    version = save_strategy(
        owner=pit.alice, name="Cross", instruments=[pit.instrument], timeframe="5m", face=ema_cross(2, 4)
    )
    run = start_run(actor=pit.alice, version=version, portfolio=pit.lead)
    answer = _browser(pit.alice).get("/")
    assert [one.pk for one in answer.context["runs"]] == [run.pk]
    assert f'data-topic="portfolio:{pit.lead.pk}"' in answer.content.decode()


def test_somebody_new_is_shown_where_to_begin(charlie: User, pit: Pit) -> None:
    page = _browser(charlie).get("/").content.decode()
    assert "Start with a portfolio" in page
    assert "You follow nobody" in page
    assert "No strategy is running" in page
    assert str(pit.lead.pk) not in page


def test_strangers_see_what_it_is_and_the_best_of_what_is_published(pit: Pit, bob: User) -> None:
    listing = publish_listing(owner=pit.alice, portfolio=pit.lead, title="Steady", description="")
    hidden = publish_listing(
        owner=bob, portfolio=pit.portfolio(bob, 10, "Bob's"), title="Gone tomorrow", description=""
    )
    withdraw_listing(actor=bob, listing=hidden)
    answer = Client().get("/")
    page = answer.content.decode()
    [(kind, cards)] = answer.context["groups"]
    assert (kind, [one.pk for one, *_ in cards]) == ("PAPER", [listing.pk])
    assert f'href="{reverse("marketplace:detail", args=[listing.pk])}"' in page
    assert reverse("account_signup") in page
    assert "Gone tomorrow" not in page


def test_only_the_first_few_are_shown_to_strangers(pit: Pit) -> None:
    for number in range(4):
        book = pit.portfolio(pit.alice, 10, f"No. {number}")
        publish_listing(owner=pit.alice, portfolio=book, title=f"No. {number}", description="")
    [(_, cards)] = Client().get("/").context["groups"]
    assert len(cards) == 3
    # As wide as the page on a desk: three cards would leave a fourth column empty.
    page = Client().get("/").content.decode()
    assert page.count('class="grid-cards lg:grid-cols-3"') == 2


def test_an_empty_market_place_hides_nothing_else(db: None) -> None:
    answer = Client().get("/")
    assert (answer.status_code, answer.context["groups"]) == (200, [])
    assert "How it works" in answer.content.decode()
