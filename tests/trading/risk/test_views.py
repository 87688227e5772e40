"""The risk page: what stands on it, what its buttons do, and that nobody but its owner gets to see or press them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit
from trading.models import SafetySwitch, Side
from trading.risk.models import RiskProfile
from trading.risk.services.profiles import set_limits
from trading.risk.services.watching import watch_all

PAGES = ("risk", "risk_panel", "risk_limits")
ACTS: list[tuple[str, dict[str, str]]] = [
    ("risk_profile", {"profile": "BALANCED"}),
    ("risk_limits", {"max_order_share": "50"}),
    ("risk_safety", {"level": "HALTED"}),
    ("risk_close_all", {}),
]


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def to(name: str, pit: Pit) -> str:
    return reverse(f"portfolios:{name}", args=[pit.lead.pk])


def levels() -> list[tuple[str, str]]:
    return list(SafetySwitch.objects.order_by("scope").values_list("scope", "level"))


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def rows(answer: Any) -> dict[str, tuple[str, str, str | None]]:
    lines = [line for _, usages in answer.context["groups"] for line in usages]
    return {line["spec"].name: (line["used"], line["limit"], line["part"]) for line in lines}


# --- who ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_their_owners(pit: Pit, charlie: User, name: str) -> None:
    browser = Client()
    assert browser.get(to(name, pit)).status_code == 302
    browser.force_login(charlie)
    assert browser.get(to(name, pit)).status_code == 404


@pytest.mark.parametrize(("name", "form"), ACTS)
def test_acts_are_their_owners(pit: Pit, charlie: User, unchanged: Unchanged, name: str, form: dict[str, str]) -> None:
    pit.buy(1)
    browser = Client()
    with unchanged():
        assert browser.post(to(name, pit), form).status_code == 302
        browser.force_login(charlie)
        assert browser.post(to(name, pit), form).status_code == 404
    assert (levels(), RiskProfile.objects.count()) == ([], 0)


# --- what stands there ----------------------------------------------------------------------------------------------
def test_without_limits_the_page_says_so(pit: Pit, alices: Client) -> None:
    answer = alices.get(to("risk", pit))
    assert rows(answer) == {}
    assert "No limits of its own" in answer.content.decode()
    assert f'href="{to("risk", pit)}"' in alices.get(to("detail", pit)).content.decode()


def test_each_limit_stands_there_with_what_is_used(pit: Pit, alices: Client) -> None:
    pit.buy(25)
    set_limits(
        actor=pit.alice,
        portfolio=pit.lead,
        limits={
            "max_order_share": "0.3",
            "max_instrument_share": "0.5",
            "max_daily_loss": "0.05",
            "reserve_share": "0.5",
        },
    )
    pit.price(92)
    answer = alices.get(to("risk", pit))
    assert rows(answer) == {
        "max_order_share": ("", "30%", None),
        "max_instrument_share": ("23.47%", "50%", "0.4694"),
        "reserve_share": ("76.53%", "50%", "0.6533"),
        "max_daily_loss": ("2%", "5%", "0.4000"),
    }
    assert answer.content.decode().count("<progress") == 3


def test_the_log_tells_why_with_the_figures(pit: Pit, alices: Client) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_order_share": "0.1"})
    alices.post(to("place", pit), {"instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "30", "key": "k"})
    page = alices.get(to("risk", pit)).content.decode()
    assert "A larger share of equity than one order may be; enter a smaller quantity." in page
    assert "<code>ORDER_SHARE_LIMIT</code>" in page
    assert '<td data-label="Asked" class="cell-num num">30</td>' in page
    assert '<td data-label="Limit" class="cell-num num">10</td>' in page


def test_a_pause_says_why_and_until_when(pit: Pit, alices: Client) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_drawdown": "0.1", "pause_minutes": "60"})
    pit.buy(50)
    pit.price(70)
    watch_all()
    page = alices.get(to("risk_panel", pit)).content.decode()
    assert "The drawdown has reached its limit; nothing new opens until the cool-down is over." in page
    assert (pit.desk.at + timedelta(minutes=60)).isoformat() in page
    refused = alices.post(to("risk_safety", pit), {"level": "ACTIVE"})
    assert (refused.status_code, levels()) == (409, [("PORTFOLIO", "REDUCING")])


# --- what its buttons do --------------------------------------------------------------------------------------------
def test_a_profile_is_chosen_and_taken_off(pit: Pit, alices: Client) -> None:
    answer = alices.post(to("risk_profile", pit), {"profile": "CONSERVATIVE"})
    assert (answer.url, said(answer)) == (to("risk", pit), ["The limits are conservative now."])  # type: ignore[attr-defined] # a redirect's
    assert RiskProfile.objects.get().name == "CONSERVATIVE"
    alices.post(to("risk_profile", pit), {"profile": "OFF"})
    assert RiskProfile.objects.count() == 0
    assert alices.post(to("risk_profile", pit), {"profile": "YOLO"}).status_code == 400


def test_limits_are_typed_in_per_cent_and_kept_as_ratios(pit: Pit, alices: Client) -> None:
    pit.desk.instrument("ETH")
    form = {"max_order_share": "12.5", "max_positions": "3", "allowed": "BTC-USDT, ETH-USDT"}
    assert alices.post(to("risk_limits", pit), form).status_code == 302
    kept = {"max_order_share": "0.125", "max_positions": "3", "allowed": ["BTC-USDT", "ETH-USDT"]}
    assert RiskProfile.objects.get().limits == kept
    shown = alices.get(to("risk_limits", pit)).context["form"].initial
    assert (shown["max_order_share"], shown["max_positions"], shown["allowed"]) == ("12.5", "3", "BTC-USDT, ETH-USDT")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("max_order_share", "101", "Enter a value from 0.001 to 1."),
        ("max_positions", "2.5", "Enter a whole number."),
        ("denied", "DOGE-USDT", "Nothing called DOGE-USDT is traded there."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(pit: Pit, alices: Client, field: str, value: str, message: str) -> None:
    answer = alices.post(to("risk_limits", pit), {field: value})
    assert (answer.status_code, answer.context["form"].errors) == (400, {field: [message]})
    assert RiskProfile.objects.count() == 0


def test_a_portfolio_is_switched_and_closed(pit: Pit, alices: Client) -> None:
    pit.buy(10)
    for level in ("REDUCING", "HALTED", "ACTIVE"):
        alices.post(to("risk_safety", pit), {"level": level})
        assert levels() == [("PORTFOLIO", level)]
    with pit.working():
        answer = alices.post(to("risk_close_all", pit))
    assert said(answer)[-1] == "Halted. 1 position is being closed at the market."
    assert (pit.held(pit.lead), levels()) == ("0", [("PORTFOLIO", "HALTED")])
    assert said(alices.post(to("risk_close_all", pit)))[-1] == "Halted. Nothing was held that could be closed."


def test_everything_of_a_person_is_switched_and_closed(pit: Pit, bob: User, alices: Client) -> None:
    other = pit.portfolio(pit.alice, 1_000, "Second")
    for book in (pit.lead, other):
        pit.buy(2, book)
    theirs = pit.portfolio(bob, 1_000, "Own")
    pit.buy(1, theirs)
    with pit.working():
        answer = alices.post(reverse("trading:close_mine"), {"portfolio": str(pit.lead.pk)})
    assert (answer.url, said(answer)) == (to("risk", pit), ["Halted. 2 positions are being closed at the market."])  # type: ignore[attr-defined] # a redirect's
    assert [pit.held(book) for book in (pit.lead, other, theirs)] == ["0", "0", "1"]
    assert "All of your portfolios are halted" in alices.get(to("risk", pit)).content.decode()
    assert alices.post(reverse("trading:switch_mine"), {"level": "ACTIVE", "portfolio": "//evil"}).url == "/portfolios/"  # type: ignore[attr-defined] # a redirect's
    assert levels() == [("USER", "ACTIVE")]
    assert pit.place(Side.BUY, 1).code == ""
