"""Following in three steps: what each asks, what is carried along, and that only the last one begins anything."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.clock import wall_now
from marketplace.models import Listing
from marketplace.services.listings import publish_listing, withdraw_listing
from portfolios.models import Balance, Portfolio
from tests.fixtures_desk import Desk
from tests.fixtures_trading import Pit
from trading.copy_terms import TERMS, TERMS_VERSION
from trading.follow_models import FollowConsent, FollowGuard
from trading.models import Follow

D = Decimal


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady & calm")


@pytest.fixture
def source(bob: User, desk: Desk) -> Portfolio:
    return desk.portfolio(bob)


def here(listing: Listing) -> str:
    return reverse("marketplace:follow", args=[listing.pk])


def answers(own: Portfolio, **changes: Any) -> dict[str, Any]:
    """Return what all three steps ask, as their forms send it."""
    stake = {"source": str(own.pk), "amount": "2500", "sizing": "EQUITY_RATIO", "multiplier": "1.5"}
    guards = {"stop": "30", "kind": "TRAILING", "daily_loss": ""}
    return {"step": "3", **stake, **guards, "accepted_terms": TERMS_VERSION, "accepted": "on"} | changes


def test_each_step_carries_what_the_others_chose(bob: User, listing: Listing, source: Portfolio) -> None:
    browser, sent = browser_of(bob), answers(source)
    first = browser.get(here(listing))
    assert (first.status_code, first.context["wizard"].step, first.context["form"].errors) == (200, 1, {})
    stake = {name: sent[name] for name in ("source", "amount", "sizing", "multiplier")}
    second = browser.get(here(listing), {"step": "2", **stake})
    assert (second.context["wizard"].step, second.context["form"].is_bound) == (2, False)
    assert second.context["form"]["stop"].value() == "40"
    for name, value in stake.items():
        assert f'type="hidden" name="{name}" value="{value}"' in second.content.decode()
    guards = {name: sent[name] for name in ("stop", "kind", "daily_loss")}
    third = browser.get(here(listing), {"step": "3", **stake, **guards})
    page = third.content.decode()
    assert (third.status_code, third.context["wizard"].step, third.context["form"].errors) == (200, 3, {})
    assert "Once 30.0% of the copied amount is lost" in page
    assert "A day's loss pauses nothing" in page
    assert "nothing of yours rests at the exchange" in page
    assert "× 1.5" in page
    assert all(one.replace("'", "&#x27;") in page for one in TERMS)
    # Back shows both steps as they were left, and an empty guard stays none.
    back = browser.get(here(listing) + third.context["back_address"])
    assert (back.context["wizard"].step, back.context["form"]["stop"].value()) == (2, "30")
    assert back.context["form"]["daily_loss"].value() == ""
    earlier = browser.get(here(listing), {"step": "1", **stake, **guards})
    assert earlier.context["form"]["amount"].value() == "2500"
    assert 'type="hidden" name="stop" value="30"' in earlier.content.decode()
    assert Follow.objects.count() == 0


def test_the_last_step_begins_the_follow_and_keeps_what_was_accepted(
    bob: User, listing: Listing, source: Portfolio
) -> None:
    browser = browser_of(bob)
    answer = browser.post(here(listing), answers(source))
    follow = Follow.objects.get()
    assert answer.headers["Location"] == reverse("portfolios:detail", args=[follow.portfolio_id])
    assert follow.settings["multiplier"] == "1.5"
    guard, consent = FollowGuard.objects.get(), FollowConsent.objects.get()
    assert (guard.stop, guard.kind, guard.daily_loss) == (D("0.3"), "TRAILING", None)
    assert (consent.follow, consent.version) == (follow, TERMS_VERSION)
    assert wall_now() - consent.accepted_at < timedelta(minutes=1)
    assert Balance.objects.get(portfolio=follow.portfolio).amount == D(2500)
    assert b"You follow this" in browser.get(reverse("marketplace:detail", args=[listing.pk])).content
    # There is nothing to follow a second time.
    assert browser.get(here(listing)).status_code == 302


def test_every_way_of_sizing_is_chosen_in_the_first_step(bob: User, listing: Listing, source: Portfolio) -> None:
    sent = answers(source, sizing="FIXED_AMOUNT", fixed_amount="50")
    del sent["multiplier"]
    page = browser_of(bob).get(here(listing), sent)
    assert "becomes one of 50 USDT" in page.content.decode()
    browser_of(bob).post(here(listing), sent)
    assert Follow.objects.get().settings == {"sizing": "FIXED_AMOUNT", "fixed_amount": "50"}


@pytest.mark.parametrize(
    ("wrong", "step", "field", "message"),
    [
        ({"amount": "-5"}, 1, "amount", "Enter an amount above zero."),
        ({"amount": "5"}, 1, "amount", "Follow with at least 10 USDT."),
        ({"amount": "10001"}, 1, "amount", "Only 10000 USDT is free; enter that much or less."),
        ({"amount": "lots"}, 1, "amount", "Enter a number, such as 1250 or 0.5."),
        ({"multiplier": "5"}, 1, "multiplier", "Choose a multiplier from 0.1 to 3 with at most three decimals."),
        (
            {"sizing": "FIXED_AMOUNT", "fixed_amount": "1"},
            1,
            "fixed_amount",
            "Choose a fixed amount from 10 to 1000000000 with at most six decimals.",
        ),
        (
            {"source": "01890000-0000-7000-8000-000000000000"},
            1,
            "source",
            "Select a valid choice. That choice is not one of the available choices.",
        ),
        ({"stop": "99"}, 2, "stop", "Set the copy stop from 5% to 95% of the copied amount."),
        (
            {"daily_loss": "0.1"},
            2,
            "daily_loss",
            "Set the daily loss from 0.5% to 100 % of the day's first equity.",
        ),
        ({"accepted": ""}, 3, "accepted", "Accept the terms to follow; without them nothing is copied."),
        (
            {"accepted_terms": "1999-01"},
            3,
            "accepted",
            "Read the terms of copying as they are now, and accept these.",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_field_in_its_step(
    bob: User, listing: Listing, source: Portfolio, wrong: dict[str, str], step: int, field: str, message: str
) -> None:
    page = browser_of(bob).post(here(listing), answers(source, **wrong))
    assert (page.status_code, page.context["wizard"].step, page.context["form"].errors) == (
        400,
        step,
        {field: [message]},
    )
    assert Follow.objects.count() == 0
    assert Balance.objects.get(portfolio=source).amount == D(10_000)


def test_a_step_that_was_left_out_is_asked_first(bob: User, listing: Listing, source: Portfolio) -> None:
    sent = answers(source)
    for name in ("stop", "kind", "daily_loss"):
        del sent[name]
    page = browser_of(bob).post(here(listing), sent)
    assert (page.status_code, page.context["wizard"].step, Follow.objects.count()) == (200, 2, 0)


def test_what_a_service_refuses_is_told_in_its_step(bob: User, charlie: User, desk: Desk, listing: Listing) -> None:
    """A lead that is too small is no field's fault: it is told above the last step."""
    Balance.objects.filter(portfolio=listing.portfolio).update(amount=D(499))
    page = browser_of(charlie).post(here(listing), answers(desk.portfolio(charlie)))
    assert (page.status_code, page.context["wizard"].step) == (400, 3)
    assert "too little to be copied" in page.context["form"].non_field_errors()[0]
    assert "too small to be copied now" in page.content.decode()
    assert Follow.objects.count() == 0


def test_who_cannot_follow_is_told_why(alice: User, bob: User, listing: Listing, source: Portfolio) -> None:
    detail, nobody = reverse("marketplace:detail", args=[listing.pk]), browser_of(None)
    assert b"Log in to follow" in nobody.get(detail).content
    asked = nobody.get(here(listing), {"step": "2", "amount": "100"})
    assert asked.headers["Location"].startswith("/accounts/login/?next=")
    assert nobody.post(here(listing), answers(source)).headers["Location"].startswith("/accounts/login/?next=")
    assert browser_of(alice).post(here(listing), answers(source)).headers["Location"] == detail
    Portfolio.objects.filter(pk=source.pk).update(cash_is_locked=True)
    assert b"No portfolio to follow from" in browser_of(bob).get(here(listing)).content
    assert b"No portfolio to follow from" in browser_of(bob).get(detail).content
    withdraw_listing(actor=alice, listing=listing)
    assert browser_of(bob).post(here(listing), answers(source)).status_code == 404
    assert Follow.objects.count() == 0


def test_an_amount_too_small_for_the_lead_is_told_before_anything_begins(
    pit: Pit, alice: User, bob: User, source: Portfolio
) -> None:
    """The lead's orders are worth a tenth of their equity: of 30 USDT that is less than is ever sent."""
    listing = publish_listing(owner=alice, portfolio=pit.lead, title="Small steps")
    for _ in range(3):
        pit.buy(10)
        pit.sell(10)
    browser = browser_of(bob)
    small = {"step": "3", "source": str(source.pk), "amount": "30", "stop": "40", "daily_loss": "5"}
    page = browser.get(here(listing), small)
    found = page.context["fit"]
    assert (found.is_viable, found.skipped, found.smallest_capital) == (False, 3, D(67))
    told = page.content.decode()
    assert "Too little for this lead" in told
    assert "about 67 USDT" in told
    # Said while it is typed, and not held against an amount that fits.
    fit = reverse("marketplace:fit", args=[listing.pk])
    assert "Too little for this lead" in browser.get(fit, {"amount": "30"}).content.decode()
    assert "Too little for this lead" not in browser.get(fit, {"amount": "67"}).content.decode()
    assert Follow.objects.count() == 0


def test_a_stop_at_the_exchange_is_not_offered_on_paper_and_refused_where_it_is_asked_for(
    bob: User, listing: Listing, source: Portfolio
) -> None:
    browser, sent = browser_of(bob), answers(source)
    second = browser.get(here(listing), {**sent, "step": "2"}).content.decode()
    assert "nothing of this follow rests at the exchange" in second
    assert 'name="protective_stop"' not in second
    refused = browser.post(here(listing), {**sent, "protective_stop": "10"})
    assert (refused.status_code, refused.context["wizard"].step, Follow.objects.count()) == (400, 2, 0)
    assert "this follow trades on paper" in refused.content.decode()
