"""The pages of orders that wait: the ticket of every kind, editing in place, canceling, closing; by their owner alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, plain
from tests.fixtures_waiting import Waiting, again, told
from trading.kinds import OrderKind
from trading.models import CauseKind, Order, OrderState, Side

HTMX = {"HX-Request": "true"}


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def resting(waiting: Waiting) -> Order:
    return waiting.ask(Side.BUY, 2, OrderKind.LIMIT, limit_price="90", stop_price="80")


def ticket(pit: Pit, **change: Any) -> dict[str, Any]:
    return {"instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1", "key": "k1", **change}


def place(client: Client, pit: Pit, **change: Any) -> Any:
    path = reverse("portfolios:place", args=[pit.lead.pk])
    with pit.working():
        return client.post(path, ticket(pit, **change), headers=HTMX)


@pytest.mark.parametrize(
    ("asked", "kind", "quantity"),
    [
        ({"kind": "LIMIT", "limit_price": "95"}, "LIMIT", "1"),
        ({"kind": "LIMIT", "limit_price": "50", "unit": "QUOTE", "quantity": "100"}, "LIMIT", "2"),
        ({"kind": "LIMIT", "limit_price": "50", "unit": "PERCENT", "quantity": "25"}, "LIMIT", "50"),
        ({"kind": "STOP", "trigger_price": "200", "unit": "PERCENT", "quantity": "100"}, "STOP", "50"),
        ({"kind": "TRAILING_STOP", "trail_percent": "2.5"}, "TRAILING_STOP", "1"),
        ({"unit": "QUOTE", "quantity": "250"}, "MARKET", "2.5"),
        ({"unit": "PERCENT", "quantity": "10"}, "MARKET", "10"),
    ],
)
def test_the_ticket_places_every_kind_and_counts_in_every_unit(
    waiting: Waiting, alices: Client, asked: dict[str, str], kind: str, quantity: str
) -> None:
    answer = place(alices, waiting.pit, **asked)
    assert answer.status_code == 200, answer.content
    order = Order.objects.get()
    assert (order.kind, plain(order.requested_quantity)) == (kind, quantity)
    assert order.state == (OrderState.FILLED if kind == "MARKET" else OrderState.OPEN)


def test_the_ticket_trails_in_percent_and_brings_a_bracket(waiting: Waiting, alices: Client) -> None:
    place(alices, waiting.pit, kind="TRAILING_STOP", trail_percent="2.5", activation_price="90")
    trailing = Order.objects.get()
    assert (trailing.trail_bps, trailing.activation_price, trailing.peak_price) == (Decimal(250), Decimal(90), None)
    place(alices, waiting.pit, kind="MARKET", stop_price="90", target_price="110", key="k2")
    assert Order.objects.filter(cause_kind=CauseKind.BRACKET, state=OrderState.OPEN).count() == 2


def test_the_ticket_places_a_pair(waiting: Waiting, alices: Client) -> None:
    waiting.pit.buy(1)
    answer = place(alices, waiting.pit, side="SELL", kind="PAIR", limit_price="110", pair_stop="90")
    assert answer.status_code == 200, answer.content
    pair = Order.objects.filter(state=OrderState.OPEN).order_by("attempt")
    assert [(one.kind, one.group_role) for one in pair] == [("LIMIT", "OCO"), ("STOP", "OCO")]


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"kind": "LIMIT"}, "limit_price", "A limit order needs a limit price."),
        ({"kind": "LIMIT", "limit_price": "95.001"}, "limit_price", "Enter a multiple of 0.01"),
        ({"kind": "STOP", "trigger_price": "0"}, "trigger_price", "Enter a trigger price above zero"),
        ({"kind": "TRAILING_STOP"}, "trail_percent", "Say how far the stop trails"),
        ({"kind": "TRAILING_STOP", "trail_percent": "99"}, "trail_percent", "Enter between"),
        ({"kind": "PAIR", "limit_price": "90"}, "pair_stop", "A pair needs both of its prices."),
        ({"kind": "PAIR", "limit_price": "90", "pair_stop": "80"}, "pair_stop", "A pair stands on both sides"),
        ({"unit": "PERCENT", "quantity": "101"}, "quantity", "Enter an amount above zero and at most 100."),
        ({"kind": "LIMIT", "limit_price": "95", "quantity": "105.264"}, "quantity", "The free balance does not cover"),
        ({"kind": "ICEBERG"}, "kind", "Select a valid choice."),
    ],
)
def test_what_the_ticket_refuses_is_said_at_its_field(
    waiting: Waiting, alices: Client, unchanged: Unchanged, asked: dict[str, str], field: str, words: str
) -> None:
    with unchanged():
        answer = place(alices, waiting.pit, **asked)
    assert answer.status_code == 422
    [said] = answer.context["ticket"].errors[field]
    assert said.startswith(words)


def test_the_estimate_counts_at_the_price_that_is_named(waiting: Waiting, alices: Client) -> None:
    path = reverse("portfolios:estimate", args=[waiting.pit.lead.pk])
    asked = ticket(waiting.pit, kind="LIMIT", limit_price="50", unit="PERCENT", quantity="50")
    text = " ".join(alices.get(path, asked).content.decode().split())
    assert "<dd>100 BTC</dd>" in text
    assert "<strong>5,000.00</strong> USDT" in text


def test_an_order_is_edited_in_its_row(waiting: Waiting, alices: Client, resting: Order, unchanged: Unchanged) -> None:
    path = reverse("trading:edit", args=[resting.pk])
    assert list(alices.get(path).context["form"].fields) == ["quantity", "limit_price", "stop_price"]
    with unchanged():
        wrong = alices.post(path, {"quantity": "2", "limit_price": "90.001", "stop_price": "80"}, headers=HTMX)
    assert (wrong.status_code, wrong["HX-Retarget"]) == (422, f"#waiting-{resting.pk}")
    answer = alices.post(path, {"quantity": "3", "limit_price": "91", "stop_price": "80"}, headers=HTMX)
    assert json.loads(answer["HX-Trigger"])["toast"]["message"] == "Changed."
    stored = again(resting)
    assert (plain(stored.quantity), stored.limit_price, stored.stop_price) == ("3", Decimal(91), Decimal(80))


def test_an_order_is_canceled_from_its_row(waiting: Waiting, alices: Client, resting: Order) -> None:
    answer = alices.post(reverse("trading:cancel", args=[resting.pk]), headers=HTMX)
    assert "Nothing waits" in answer.content.decode()
    assert told(resting)[0] == OrderState.CANCELED


def test_everything_is_canceled_and_closed_from_the_page(waiting: Waiting, alices: Client, resting: Order) -> None:
    pit = waiting.pit
    pit.buy(2)
    assert f"waiting-{resting.pk}" in alices.get(reverse("portfolios:detail", args=[pit.lead.pk])).content.decode()
    alices.post(reverse("portfolios:cancel_orders", args=[pit.lead.pk]))
    assert told(resting)[0] == OrderState.CANCELED
    with pit.working():
        alices.post(reverse("portfolios:close", args=[pit.lead.pk, pit.instrument.pk]))
    assert pit.held(pit.lead) == "0"
    pit.buy(1)
    with pit.working():
        alices.post(reverse("portfolios:close_all", args=[pit.lead.pk]))
    assert pit.held(pit.lead) == "0"


@pytest.mark.parametrize("person", ["bob", "charlie", "operator", "nobody"])
def test_nobody_else_sees_or_moves_what_waits(
    waiting: Waiting, resting: Order, unchanged: Unchanged, request: pytest.FixtureRequest, person: str
) -> None:
    lead, browser = waiting.pit.lead, Client()
    if person != "nobody":
        browser.force_login(request.getfixturevalue(person))
    status = 302 if person == "nobody" else 404
    with unchanged():
        assert browser.get(reverse("portfolios:open_orders", args=[lead.pk])).status_code == status
        assert browser.get(reverse("trading:edit", args=[resting.pk])).status_code == status
        for name, args in (
            ("trading:edit", [resting.pk]),
            ("trading:cancel", [resting.pk]),
            ("portfolios:cancel_orders", [lead.pk]),
            ("portfolios:close", [lead.pk, waiting.pit.instrument.pk]),
            ("portfolios:close_all", [lead.pk]),
        ):
            assert browser.post(reverse(name, args=args), {"quantity": "1"}).status_code == status


def test_a_followers_page_offers_no_way_to_trade_by_hand(waiting: Waiting, bob: User) -> None:
    follow = waiting.pit.follow(bob)
    waiting.pit.buy(10)
    browser = Client()
    browser.force_login(bob)
    page = browser.get(reverse("portfolios:detail", args=[follow.portfolio_id])).content.decode()
    assert reverse("portfolios:close", args=[follow.portfolio_id, waiting.pit.instrument.pk]) not in page
    assert reverse("portfolios:cancel_orders", args=[follow.portfolio_id]) not in page
