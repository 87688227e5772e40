"""The pages of trading: a portfolio's page and its parts, the order ticket, follows; and what an open page hears."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.bus import bus
from common.ids import new_id
from common.realtime import CHANNEL
from markets.models import SourceKind
from markets.steps import ClosedCandle
from portfolios.models import Portfolio
from portfolios.services.states import freeze_portfolios
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import Pit
from trading.follow_models import StopMode
from trading.models import Follow, FollowState, Order, SafetyLevel, ScopeKind, Side
from trading.services.follows import pause_follow, stop_follow
from trading.services.safety import halt_platform, set_safety


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def follow(pit: Pit, bob: User) -> Follow:
    return pit.follow(bob)


@pytest.fixture
def bobs(follow: Follow) -> Client:
    """Bob's browser; he follows."""
    browser = Client()
    browser.force_login(follow.follower)
    return browser


def _to(name: str, portfolio: Portfolio | UUID) -> str:
    key = portfolio.pk if isinstance(portfolio, Portfolio) else portfolio
    return reverse(f"portfolios:{name}", args=[key])


def _asked(pit: Pit, **change: Any) -> dict[str, Any]:
    """Return a ticket for one coin."""
    return {"instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1", "key": "k1", **change}


def _said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- a portfolio's page ---------------------------------------------------------------------------------------------
def test_the_page_shows_what_it_is_worth_holds_and_did(pit: Pit, alices: Client) -> None:
    pit.buy("1.5")
    pit.price(110)
    answer = alices.get(_to("detail", pit.lead))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert '<aside class="ribbon tone-accent" aria-label="Kind of money">' in page
    assert '<span class="badge tone-accent badge-kind">PAPER</span>' in page
    assert f'data-topic="portfolio:{pit.lead.pk}"' in page
    assert '<span data-cell="equity">10,015.00</span>' in page
    [holding] = answer.context["holdings"]
    assert (holding.position.quantity, holding.value, holding.unrealized_pnl) == (Decimal("1.5"), 165, 15)
    [line] = answer.context["orders"]
    assert (line["order"].state, line["cause"], line["reason"]) == ("FILLED", "By hand", "")
    assert [fill.number for fill in answer.context["fills"]] == [1]
    for name in ("summary", "positions", "recent_orders", "recent_fills"):
        assert f'hx-get="{_to(name, pit.lead)}" hx-trigger="live"' in page
    for parts in ("summary", "positions", "orders", "fills"):
        assert f'data-refresh="{parts}"' in page
    for way in ("deposit", "withdraw", "transfer", "ledger"):
        assert f'href="{_to(way, pit.lead)}"' in page


def test_a_simulated_portfolio_cannot_pass_for_a_real_one(alice: User, alices: Client, db: None) -> None:
    toy = Desk(SourceKind.SIMULATED).portfolio(alice, 10)
    page = alices.get(_to("detail", toy)).content.decode()
    assert "ribbon-simulated" in page
    assert "Made-up market, no real money" in page
    assert '<span class="badge tone-violet badge-kind">SIMULATED</span>' in page
    assert "Nothing to trade yet" in page


def test_a_frozen_portfolio_says_so_and_moves_no_money(pit: Pit, alices: Client) -> None:
    freeze_portfolios(portfolio_ids=[pit.lead.pk])
    page = alices.get(_to("detail", pit.lead)).content.decode()
    assert "This portfolio is frozen: it opens nothing new" in page
    assert _to("deposit", pit.lead) not in page


def test_the_page_costs_the_same_however_much_has_happened(
    pit: Pit, alices: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        pit.buy(1)
    with django_assert_max_num_queries(40) as few:
        alices.get(_to("detail", pit.lead))
    for _ in range(4):
        pit.buy(1)
    with django_assert_max_num_queries(len(few)):
        alices.get(_to("detail", pit.lead))


def test_the_parts_hold_the_newest_and_their_pages_hold_all(
    pit: Pit, alices: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [pit.buy(1).pk for _ in range(3)]
    monkeypatch.setattr("trading.views.RECENT", 2)
    recent = alices.get(_to("recent_orders", pit.lead))
    assert [line["order"].pk for line in recent.context["orders"]] == orders[:0:-1]
    assert f'<tr id="order-{orders[-1]}"' in recent.content.decode()
    assert "<html" not in recent.content.decode()
    assert [fill.number for fill in alices.get(_to("recent_fills", pit.lead)).context["fills"]] == [3, 2]
    assert [line["order"].pk for line in alices.get(_to("orders", pit.lead)).context["orders"]] == orders[::-1]
    assert [fill.number for fill in alices.get(_to("fills", pit.lead)).context["fills"]] == [3, 2, 1]


def test_the_chart_has_candles_and_ones_own_trades(pit: Pit, alices: Client) -> None:
    candle = ClosedCandle(pit.instrument.pk, "5m", NOON.replace(hour=11, minute=55), 99, 101, 98, 100, 5)
    pit.desk.step({pit.instrument: 100}, closed=[candle])
    pit.buy("1.5")
    chart = alices.get(_to("detail", pit.lead)).context["chart"]
    assert (chart["instrument"], chart["series"], chart["precision"]) == (pit.instrument, "5m", "2")
    assert [one["label"] for one in chart["ranges"]] == ["5m"]
    answer = alices.get(chart["url"]).json()
    closed, forming = answer["candles"]
    assert closed == {"time": 1772452500, "open": 99, "high": 101, "low": 98, "close": 100}
    assert forming["time"] == 1772452800
    assert answer["markers"] == [{"time": 1772452800, "side": "buy", "text": "1.5 @ 100"}]
    refused = alices.get(reverse("portfolios:chart", args=[pit.lead.pk, pit.instrument.pk, "7m"]))
    assert refused.status_code == 400


def test_an_orders_page_tells_its_story(pit: Pit, alices: Client) -> None:
    order = pit.buy("1.5")
    answer = alices.get(reverse("trading:order", args=[order.pk]))
    page = answer.content.decode()
    assert [(event.state, event.code) for event in answer.context["events"]] == [("FILLED", "")]
    assert [fill.number for fill in answer.context["fills"]] == [1]
    assert order.client_order_id in page
    assert "<dt>Asked for</dt><dd>1.5 BTC</dd>" in page


# --- the ticket -----------------------------------------------------------------------------------------------------
def test_the_ticket_opens_with_a_market_and_a_key_of_its_own(pit: Pit, alices: Client) -> None:
    first = alices.get(_to("detail", pit.lead)).context
    second = alices.get(_to("detail", pit.lead)).context
    assert first["ticket"]["instrument"].value() == pit.instrument.pk
    keys = {context["ticket"]["key"].value() for context in (first, second)}
    assert len(keys) == 2
    assert all(len(key) >= 16 for key in keys)
    instrument, quote = first["estimate"]
    assert (instrument, quote.price, quote.most) == (pit.instrument, 100, 100)


@pytest.mark.parametrize(
    ("side", "quantity", "shown"),
    [
        ("BUY", "2", [("Costs, about", "<strong>200.20</strong> USDT"), ("You can buy at most", "98.901 BTC")]),
        ("SELL", "2", [("Brings, about", "<strong>199.80</strong> USDT"), ("You can sell at most", "1 BTC")]),
        ("BUY", "", [("Price, about", "100.00 USDT"), ("You can buy at most", "98.901 BTC")]),
        ("BUY", "NaN", [("You can buy at most", "98.901 BTC")]),
        ("BUY", "-3", [("You can buy at most", "98.901 BTC")]),
        ("BUY", "1e9999999999", [("You can buy at most", "98.901 BTC")]),
    ],
)
def test_the_estimate_says_what_an_order_would_come_to(
    pit: Pit, alices: Client, side: str, quantity: str, shown: list[tuple[str, str]]
) -> None:
    pit.buy(1)
    pit.instrument.taker_fee_bps = Decimal(10)
    pit.instrument.save()
    asked = {"instrument": str(pit.instrument.pk), "side": side, "quantity": quantity}
    page = alices.get(_to("estimate", pit.lead), asked).content.decode()
    assert "<html" not in page
    for name, figure in shown:
        _, _, rest = page.partition(f"<dt>{name}</dt>")
        assert figure in rest.partition("</dd>")[0]


def test_a_market_without_a_price_is_said(pit: Pit, alices: Client) -> None:
    silent = pit.desk.instrument("ETH")
    page = alices.get(_to("estimate", pit.lead), {"instrument": str(silent.pk)}).content.decode()
    assert "ETH-USDT has no price yet." in page


def test_an_order_by_a_plain_browser_leads_back_to_the_page(pit: Pit, alices: Client) -> None:
    with pit.working():
        answer = alices.post(_to("place", pit.lead), _asked(pit))
    assert (answer.status_code, answer["Location"]) == (302, _to("detail", pit.lead))
    assert _said(answer) == ["Buy 1 BTC: sent."]
    assert pit.held(pit.lead) == "1"


def test_an_order_by_the_open_page_is_answered_with_a_fresh_ticket(pit: Pit, alices: Client) -> None:
    pit.buy(2)
    asked = _asked(pit, side="SELL", quantity="1.500")
    with pit.working():
        answer = alices.post(_to("place", pit.lead), asked, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert json.loads(answer["HX-Trigger"]) == {"toast": {"message": "Sell 1.5 BTC: sent.", "level": "success"}}
    fresh = answer.context["ticket"]
    assert (fresh["side"].value(), fresh["instrument"].value()) == (Side.SELL, pit.instrument.pk)
    assert (fresh["quantity"].value(), fresh["key"].value() == "k1") == (None, False)
    assert pit.held(pit.lead) == "0.5"


def test_a_double_click_makes_one_order(pit: Pit, alices: Client) -> None:
    for _ in range(2):
        with pit.working():
            assert alices.post(_to("place", pit.lead), _asked(pit)).status_code == 302
    assert (Order.objects.count(), pit.held(pit.lead)) == (1, "1")


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"quantity": ""}, "quantity", "This field is required."),
        ({"quantity": "NaN"}, "quantity", "Enter a number, such as 1250 or 0.5."),
        ({"quantity": "1e99"}, "quantity", "Enter a number, such as 1250 or 0.5."),
        ({"quantity": "-1"}, "quantity", "Enter a quantity above zero and at most 1,000,000,000,000."),
        ({"quantity": "1e20"}, "quantity", "Enter a quantity above zero and at most 1,000,000,000,000."),
        ({"quantity": "0.0001"}, "quantity", "Enter a multiple of 0.001, the lot step of BTC-USDT."),
        (
            {"quantity": "100.001"},
            "quantity",
            "The free balance does not cover this order with its fee; enter a smaller quantity.",
        ),
        ({"quantity": "0.049"}, "quantity", "Worth less than the venue's minimum of 5 USDT."),
        ({"side": "SELL"}, "quantity", "The portfolio holds nothing of BTC-USDT to close."),
        ({"side": "HOLD"}, "side", "Select a valid choice. HOLD is not one of the available choices."),
        (
            {"instrument": str(new_id())},
            "instrument",
            "This market is not traded in this portfolio; choose one of the list.",
        ),
        ({"instrument": "BTC"}, "instrument", "“BTC” is not a valid UUID."),
    ],
)
@pytest.mark.parametrize("by_htmx", [True, False])
def test_an_order_that_cannot_be_is_said_at_its_field(
    pit: Pit, alices: Client, unchanged: Unchanged, change: dict[str, str], field: str, sentence: str, by_htmx: bool
) -> None:
    headers = {"HX-Request": "true"} if by_htmx else {}
    with unchanged(), pit.working():
        answer = alices.post(_to("place", pit.lead), _asked(pit, **change), headers=headers)
    assert answer.status_code == (422 if by_htmx else 400)
    assert answer.context["ticket"].errors == {field: [sentence]}
    assert ("<html" in answer.content.decode()) == (not by_htmx)
    # What was typed is still there, and so is the key: mending it is still the same order.
    assert answer.context["ticket"]["key"].value() == "k1"


def test_a_halt_is_said_beside_the_button(pit: Pit, alices: Client, operator: User, unchanged: Unchanged) -> None:
    halt_platform(actor=operator, reason="a drill")
    with unchanged(), pit.working():
        answer = alices.post(_to("place", pit.lead), _asked(pit))
    assert answer.context["ticket"].non_field_errors() == ["Trading is halted: only exits pass until it resumes."]
    page = answer.content.decode()
    assert page.index('name="quantity"') < page.index("only exits pass until it resumes") < page.index("Place order")


# --- follows --------------------------------------------------------------------------------------------------------
def test_a_follows_page_shows_the_lead_beside_oneself(pit: Pit, follow: Follow, bobs: Client) -> None:
    pit.buy(20)
    pit.sell(5)
    pause_follow(actor=follow.follower, follow=follow)
    pit.buy(1)
    answer = bobs.get(_to("detail", follow.portfolio_id))
    assert answer.context["ticket"] is None
    shown = [
        (line.event.seq, copy.order.state, copy.order.filled_quantity, copy.difference)
        for line in answer.context["copies"]
        for copy in line.copies
    ]
    assert shown == [
        (3, "DENIED", 0, "Skipped: the follow is paused, and a pause opens nothing."),
        (2, "FILLED", Decimal("0.5"), ""),
        (1, "FILLED", 2, ""),
    ]
    part = " ".join(bobs.get(_to("copies", follow.portfolio_id)).content.decode().split())
    assert "closed 25.0%" in part
    assert "sold 0.5" in part
    assert "bought 20" in part
    panel = bobs.get(_to("follow", follow.portfolio_id)).content.decode()
    assert "Following Lead" in panel
    assert reverse("trading:resume", args=[follow.pk]) in panel
    assert 'id="stop-follow"' in answer.content.decode()


def test_a_portfolio_without_a_follow_has_no_panel(pit: Pit, alices: Client) -> None:
    assert alices.get(_to("follow", pit.lead)).status_code == 404
    assert alices.get(_to("copies", pit.lead)).status_code == 404


def test_the_list_of_follows_has_the_ended_ones_apart(pit: Pit, follow: Follow, bobs: Client) -> None:
    pit.buy(20)
    pit.price(110)
    answer = bobs.get(reverse("trading:follows"))
    assert [(one.pk, worth.equity) for one, worth in answer.context["going_on"]] == [(follow.pk, Decimal(1_020))]
    assert answer.context["stopped"] == []
    assert f'data-topic="portfolio:{follow.portfolio_id}"' in answer.content.decode()
    stop_follow(actor=follow.follower, follow=follow, mode=StopMode.KEEP)
    ended = bobs.get(reverse("trading:follows")).context
    assert (ended["going_on"], [one.pk for one, _ in ended["stopped"]]) == ([], [follow.pk])


def test_a_follow_is_paused_and_resumed_by_its_buttons(pit: Pit, follow: Follow, bobs: Client) -> None:
    answer = bobs.post(reverse("trading:pause", args=[follow.pk]))
    assert (answer.status_code, answer["Location"]) == (302, _to("detail", follow.portfolio_id))
    assert Follow.objects.get().state == FollowState.PAUSED
    bobs.post(reverse("trading:resume", args=[follow.pk]))
    assert Follow.objects.get().state == FollowState.ACTIVE
    assert _said(answer) == ["Paused: nothing new is copied, exits still are."]


@pytest.mark.parametrize(
    ("mode", "state", "held"),
    [
        ("CLOSE_NOW", FollowState.STOPPED, "0"),
        ("FOLLOW_EXITS", FollowState.STOPPING, "2"),
        ("KEEP", FollowState.STOPPED, "2"),
    ],
)
def test_a_follow_is_stopped_in_one_of_three_ways(
    pit: Pit, follow: Follow, bobs: Client, mode: str, state: FollowState, held: str
) -> None:
    pit.buy(20)
    with pit.working():
        answer = bobs.post(reverse("trading:stop", args=[follow.pk]), {"mode": mode})
    assert answer["Location"] == _to("detail", follow.portfolio_id)
    assert (Follow.objects.get().state, pit.held(follow)) == (state, held)
    # What was kept may be traded by hand from then on.
    page = bobs.get(_to("detail", follow.portfolio_id))
    assert (page.context["ticket"] is None) == (state == FollowState.STOPPING)


def test_a_stop_needs_a_way(follow: Follow, bobs: Client, unchanged: Unchanged) -> None:
    with unchanged():
        answer = bobs.post(reverse("trading:stop", args=[follow.pk]), {"mode": "GENTLY"})
        twice = bobs.post(reverse("trading:resume", args=[follow.pk]))
    assert answer.status_code == 400
    assert "Choose what shall become of what the follow holds." in answer.content.decode()
    assert (twice.status_code, "That was not possible" in twice.content.decode()) == (409, True)


# --- live -----------------------------------------------------------------------------------------------------------
def test_an_open_page_hears_of_an_order_and_its_fill_after_their_commits(pit: Pit, alices: Client) -> None:
    with bus().listen(CHANNEL) as heard:
        with pit.working():
            alices.post(_to("place", pit.lead), _asked(pit))
            assert heard.get(0.05) is None
        messages = []
        while (received := heard.get(0.2)) is not None:
            messages += received[1]
    topic = f"portfolio:{pit.lead.pk}"
    assert messages == [
        [topic, {"refresh": ["orders"]}],
        [topic, {"refresh": ["orders", "fills", "positions", "summary"]}],
    ]


def test_a_followers_open_page_hears_of_the_copy(pit: Pit, follow: Follow) -> None:
    with bus().listen(CHANNEL) as heard:
        pit.buy(20)
        messages = []
        while (received := heard.get(0.2)) is not None:
            messages += received[1]
    mine = [payload for topic, payload in messages if topic == f"portfolio:{follow.portfolio_id}"]
    assert mine[-1] == {"refresh": ["orders", "fills", "positions", "summary"]}


# --- the banner -----------------------------------------------------------------------------------------------------
def test_a_halt_is_on_every_page_at_once_and_gone_with_it(alices: Client, operator: User) -> None:
    banner = '<div class="banner" role="alert">'
    assert banner not in alices.get(reverse("portfolios:list")).content.decode()
    halt_platform(actor=operator, reason="Prices look wrong.")
    for browser in (alices, Client()):
        page = browser.get("/").content.decode()
        assert banner in page
        assert "All trading is halted: exits pass, new positions do not. Prices look wrong." in page
    for level, shown in [(SafetyLevel.REDUCING, "Only exits pass at the moment"), (SafetyLevel.ACTIVE, None)]:
        set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=level, reason="")
        page = alices.get("/").content.decode()
        assert (banner in page) == (shown is not None)
        assert shown is None or shown in page


# --- whose it is ----------------------------------------------------------------------------------------------------
READS = ["detail", "orders", "recent_orders", "fills", "recent_fills", "estimate", "follow", "copies"]


@pytest.mark.parametrize("name", [*READS, "place"])
def test_a_guessed_id_opens_nothing(
    pit: Pit, alices: Client, follow: Follow, charlie: User, unchanged: Unchanged, name: str
) -> None:
    pit.buy(20)
    stranger = Client()
    stranger.force_login(charlie)
    # Not even who is followed may look into the follower's book, nor the other way round.
    for browser, book in [(stranger, follow.portfolio_id), (alices, follow.portfolio_id), (stranger, new_id())]:
        address = _to(name, book)
        with unchanged(), pit.working():
            answer = browser.post(address, _asked(pit)) if name == "place" else browser.get(address)
        assert answer.status_code == 404


def test_orders_charts_and_follows_of_others_are_not_there(
    pit: Pit, alices: Client, follow: Follow, bobs: Client, charlie: User, unchanged: Unchanged
) -> None:
    pit.buy(20)
    mine = Order.objects.get(portfolio=pit.lead)
    chart = reverse("portfolios:chart", args=[pit.lead.pk, pit.instrument.pk, "5m"])
    stranger = Client()
    stranger.force_login(charlie)
    with unchanged():
        for browser in (bobs, stranger):
            assert browser.get(reverse("trading:order", args=[mine.pk])).status_code == 404
            assert browser.get(chart).status_code == 404
        for browser in (alices, stranger):
            assert list(browser.get(reverse("trading:follows")).context["going_on"]) == []
            for act in ("pause", "resume", "stop"):
                assert browser.post(reverse(f"trading:{act}", args=[follow.pk]), {"mode": "KEEP"}).status_code == 404


def test_nobody_is_sent_to_log_in(pit: Pit, follow: Follow, unchanged: Unchanged) -> None:
    order = pit.buy(20)
    nobody = Client()
    reads = [_to(name, pit.lead) for name in READS]
    reads += [reverse("trading:follows"), reverse("trading:order", args=[order.pk])]
    reads.append(reverse("portfolios:chart", args=[pit.lead.pk, pit.instrument.pk, "5m"]))
    writes = [_to("place", pit.lead)] + [
        reverse(f"trading:{act}", args=[follow.pk]) for act in ("pause", "resume", "stop")
    ]
    with unchanged(), pit.working():
        answers = [(path, nobody.get(path)) for path in reads]
        answers += [(path, nobody.post(path, {**_asked(pit), "mode": "KEEP"})) for path in writes]
    for path, answer in answers:
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize("act", ["pause", "stop"])
def test_looking_at_an_act_does_not_do_it(follow: Follow, bobs: Client, unchanged: Unchanged, act: str) -> None:
    with unchanged():
        assert bobs.get(reverse(f"trading:{act}", args=[follow.pk])).status_code == 405
