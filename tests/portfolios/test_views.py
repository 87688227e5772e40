"""The pages of one's books: list, opening, money, ledger, and the parts that a portfolio's page fetches."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.bus import bus
from common.ids import new_id
from common.realtime import CHANNEL, snapshot
from markets.models import Instrument, SourceKind
from portfolios.models import Balance, Portfolio, PortfolioKind
from portfolios.services.equity import take_snapshots
from portfolios.services.states import freeze_portfolios
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON, Desk, Working
from trading.models import Side
from trading.services.orders import place_hand_order


@pytest.fixture
def bitcoin(desk: Desk) -> Instrument:
    found = desk.instrument()
    desk.step({found: 100})
    return found


@pytest.fixture
def main(desk: Desk, alice: User, bitcoin: Instrument) -> Portfolio:
    return desk.portfolio(alice, 10_000)


@pytest.fixture
def holding(main: Portfolio, bitcoin: Instrument, working: Working) -> Portfolio:
    """Alice's book after a purchase of one coin at 100.02, with a fee of 0.10002."""
    with working():
        place_hand_order(actor=main.owner, portfolio=main, instrument=bitcoin, side=Side.BUY, quantity=Decimal(1))
    return main


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def _to(name: str, portfolio: Portfolio) -> str:
    return reverse(f"portfolios:{name}", args=[portfolio.pk])


def _cash(portfolio: Portfolio) -> Decimal:
    amount: Decimal = Balance.objects.get(portfolio=portfolio, asset=portfolio.settlement_id).amount
    return amount


def _said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- the list and opening -------------------------------------------------------------------------------------------
def test_the_list_shows_ones_own_with_live_cells(alices: Client, desk: Desk, holding: Portfolio, bob: User) -> None:
    desk.portfolio(bob, 1, "Somebody else's")
    answer = alices.get(reverse("portfolios:list"))
    page = answer.content.decode()
    assert [(one.pk, worth.equity) for one, worth in answer.context["rows"]] == [(holding.pk, Decimal("9999.87998"))]
    assert f'data-topic="portfolio:{holding.pk}"' in page
    assert '<span data-cell="equity">9,999.88</span>' in page
    assert '<span data-cell="profit" data-sign="neg">−0.12</span>' in page
    assert "Somebody else" not in page
    assert "1 of the 20 that your plan allows" in page


def test_somebody_without_a_portfolio_is_shown_the_way(alices: Client) -> None:
    page = alices.get(reverse("portfolios:list")).content.decode()
    assert "No portfolio yet" in page
    assert f'href="{reverse("portfolios:open")}"' in page


def test_a_portfolio_is_opened_on_the_market_that_was_chosen(alices: Client, alice: User, bitcoin: Instrument) -> None:
    made = Desk(SourceKind.SIMULATED)
    made.instrument()
    form = alices.get(reverse("portfolios:open")).context["form"]
    offered = {value for value, _ in form.fields["market"].choices}
    assert offered == {f"{bitcoin.exchange.code}:USDT", f"{made.exchange.code}:USDT"}
    wanted = {"name": "Toy", "market": f"{made.exchange.code}:USDT", "amount": "1,250.5"}
    answer = alices.post(reverse("portfolios:open"), wanted)
    opened = Portfolio.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, _to("detail", opened))
    assert _said(answer) == ["“Toy” is open."]
    assert (opened.owner, opened.kind, opened.namespace) == (alice, PortfolioKind.SIMULATED, made.namespace)
    assert _cash(opened) == Decimal("1250.5")


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "Main"}, "name", "You already have a portfolio named 'Main'; choose another name."),
        (
            {"market": "nowhere:USDT"},
            "market",
            "Select a valid choice. nowhere:USDT is not one of the available choices.",
        ),
        ({"amount": "-5"}, "amount", "Enter an amount above zero."),
        ({"amount": "2000000000"}, "amount", "Enter at most 1,000,000,000."),
        ({"amount": "0.000000001"}, "amount", "Enter at most eight decimals."),
        ({"amount": "NaN"}, "amount", "Enter a number, such as 1250 or 0.5."),
        ({"amount": "1e999999999"}, "amount", "Enter a number, such as 1250 or 0.5."),
        ({"amount": "1" * 5_000}, "amount", "Enter a number, such as 1250 or 0.5."),
    ],
)
def test_what_cannot_be_opened_is_said_at_its_field(
    alices: Client,
    main: Portfolio,
    desk: Desk,
    unchanged: Unchanged,
    change: dict[str, str],
    field: str,
    sentence: str,
) -> None:
    wanted = {"name": "New", "market": f"{desk.exchange.code}:USDT", "amount": "10", **change}
    with unchanged():
        answer = alices.post(reverse("portfolios:open"), wanted)
    assert answer.status_code == 400
    assert answer.context["form"].errors == {field: [sentence]}


# --- money ----------------------------------------------------------------------------------------------------------
def test_money_goes_in_out_and_across(alices: Client, desk: Desk, main: Portfolio) -> None:
    target = desk.portfolio(main.owner, 1, "Target")
    answer = alices.post(_to("deposit", main), {"amount": "1,000.5"})
    assert (answer.status_code, answer["Location"]) == (302, _to("detail", main))
    assert _said(answer) == ["1,000.5 USDT was paid in."]
    assert _said(alices.post(_to("withdraw", main), {"amount": "0.5"}))[-1] == "0.5 USDT was taken out."
    moved = alices.post(_to("transfer", main), {"amount": "4000", "target": str(target.pk)})
    assert _said(moved)[-1] == "4,000 USDT went to “Target”."
    assert (_cash(main), _cash(target)) == (Decimal(7_000), Decimal(4_001))


def test_a_form_that_is_sent_twice_moves_money_once(alices: Client, main: Portfolio) -> None:
    shown = alices.get(_to("deposit", main))
    key = shown.context["form"]["key"].value()
    assert f'name="key" value="{key}"' in shown.content.decode()
    before = _cash(main)
    answers = [alices.post(_to("deposit", main), {"amount": "10", "key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert _cash(main) - before == 10
    assert alices.get(_to("deposit", main)).context["form"]["key"].value() != key


@pytest.mark.parametrize("way", ["deposit", "withdraw", "transfer"])
def test_the_way_money_moves_is_a_page_with_a_form(alices: Client, desk: Desk, main: Portfolio, way: str) -> None:
    desk.portfolio(main.owner, 1, "Target")
    answer = alices.get(_to(way, main))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'<a class="tab" href="{_to(way, main)}" aria-current="page">' in page
    assert 'name="amount"' in page
    assert ('name="target"' in page) == (way == "transfer")


def test_the_only_portfolio_has_nowhere_to_transfer_to(alices: Client, desk: Desk, main: Portfolio) -> None:
    desk.portfolio(main.owner, 1, "A cup", cash_is_locked=True)
    Desk(SourceKind.SIMULATED).portfolio(main.owner, 1, "Another market")
    page = alices.get(_to("transfer", main)).content.decode()
    assert "Nowhere to transfer to" in page
    assert 'name="amount"' not in page


@pytest.mark.parametrize(
    ("way", "amount", "sentence"),
    [
        ("deposit", "0", "Enter an amount above zero."),
        ("deposit", "-1", "Enter an amount above zero."),
        ("deposit", "1000000000.1", "Enter at most 1,000,000,000."),
        ("deposit", "0.123456789", "Enter at most eight decimals."),
        ("deposit", "Infinity", "Enter a number, such as 1250 or 0.5."),
        ("withdraw", "NaN", "Enter a number, such as 1250 or 0.5."),
        ("withdraw", "10000.00000001", "Only 10000 USDT is free; enter that much or less."),
        ("transfer", "10001", "Only 10000 USDT is free; enter that much or less."),
        ("transfer", "", "This field is required."),
    ],
)
def test_an_amount_that_cannot_move_is_said_at_its_field(
    alices: Client, desk: Desk, main: Portfolio, unchanged: Unchanged, way: str, amount: str, sentence: str
) -> None:
    target = desk.portfolio(main.owner, 1, "Target")
    with unchanged():
        answer = alices.post(_to(way, main), {"amount": amount, "target": str(target.pk)})
    assert answer.status_code == 400
    assert answer.context["form"].errors == {"amount": [sentence]}


def test_nobody_elses_portfolio_can_be_a_target(
    alices: Client, desk: Desk, main: Portfolio, bob: User, unchanged: Unchanged
) -> None:
    foreign = desk.portfolio(bob, 1)
    with unchanged():
        answer = alices.post(_to("transfer", main), {"amount": "1", "target": str(foreign.pk)})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["target"])


def test_frozen_money_is_refused_above_the_form(alices: Client, main: Portfolio, unchanged: Unchanged) -> None:
    freeze_portfolios(portfolio_ids=[main.pk])
    with unchanged():
        answer = alices.post(_to("deposit", main), {"amount": "1"})
    errors = answer.context["form"].non_field_errors()
    assert errors == ["This portfolio is frozen or closed; its money does not move."]


# --- ledger and parts -----------------------------------------------------------------------------------------------
def test_the_ledger_lists_lines_of_all_accounts_or_of_one(alices: Client, holding: Portfolio) -> None:
    lines = list(alices.get(_to("ledger", holding)).context["page"])
    assert [(one.kind, one.account, one.asset_id, one.amount) for one in lines] == [
        ("FILL", "FEES", "USDT", Decimal("0.10002")),
        ("FILL", "MARKET", "USDT", Decimal("100.02")),
        ("FILL", "HOLDINGS", "USDT", Decimal("-100.12002")),
        ("FILL", "MARKET", "BTC", Decimal(-1)),
        ("FILL", "HOLDINGS", "BTC", Decimal(1)),
        ("DEPOSIT", "EXTERNAL", "USDT", Decimal(-10_000)),
        ("DEPOSIT", "HOLDINGS", "USDT", Decimal(10_000)),
    ]
    fees = alices.get(_to("ledger", holding), {"account": "FEES"})
    assert [one.amount for one in fees.context["page"]] == [Decimal("0.10002")]
    assert 'data-sign="pos">+0.10002</span><span class="num-unit">USDT</span>' in fees.content.decode()
    # An account that nobody has ever heard of filters nothing.
    assert len(alices.get(_to("ledger", holding), {"account": "PETTY"}).context["page"]) == 7


def test_the_summary_and_the_positions_are_parts_of_a_page(alices: Client, desk: Desk, holding: Portfolio) -> None:
    summary = alices.get(_to("summary", holding)).content.decode()
    assert "<html" not in summary
    cells = [("equity", "9,999.88"), ("cash", "9,899.88"), ("free", "9,899.88"), ("exposure", "100.00")]
    for name, text in cells:
        assert f'<span data-cell="{name}">{text}</span>' in summary
    for name, text in [("profit", "−0.12"), ("unrealized", "−0.02")]:
        assert f'<span data-cell="{name}" data-sign="neg">{text}</span>' in summary
    positions = alices.get(_to("positions", holding)).content.decode()
    assert "<html" not in positions
    assert f'data-topic="prices:{desk.namespace}"' in positions
    assert '<span data-cell="price">100.00</span>' in positions
    assert '<span data-cell="unrealized" data-sign="neg">−0.02</span>' in positions


def test_nothing_held_is_said(alices: Client, main: Portfolio) -> None:
    assert "Nothing is held" in alices.get(_to("positions", main)).content.decode()


def test_the_equity_chart_gets_its_points(alices: Client, desk: Desk, main: Portfolio) -> None:
    take_snapshots(namespace=desk.namespace, at=NOON)
    assert alices.get(_to("equity", main)).json() == {"points": [{"time": 1772452800, "value": 10000.0}]}


# --- live -----------------------------------------------------------------------------------------------------------
def test_an_open_page_hears_of_money_after_the_commit(main: Portfolio, alices: Client, working: Working) -> None:
    with bus().listen(CHANNEL) as heard:
        with working():
            alices.post(_to("deposit", main), {"amount": "1"})
            assert heard.get(0.05) is None
        received = heard.get(1)
    assert received is not None
    assert received[1] == [[f"portfolio:{main.pk}", {"refresh": ["summary", "ledger"]}]]


def test_an_open_page_hears_every_figure_that_moves(
    desk: Desk, holding: Portfolio, bitcoin: Instrument, working: Working
) -> None:
    desk.step({bitcoin: 110})
    with bus().listen(CHANNEL) as heard:
        with working():
            take_snapshots(namespace=desk.namespace, at=NOON)
        received = heard.get(1)
    cells = {
        "equity": "10,009.88",
        "cash": "9,899.88",
        "free": "9,899.88",
        "exposure": "110.00",
        "profit": "+9.88",
        "unrealized": "+9.98",
        f"{bitcoin.pk}.value": "110.00",
        f"{bitcoin.pk}.unrealized": "+9.98",
    }
    assert received is not None
    point = {"time": 1772452800, "value": 10009.87998}
    assert received[1] == [[f"portfolio:{holding.pk}", {"cells": cells, "series": {"equity": point}}]]
    # What a page that has just come gets first is the same.
    assert snapshot(holding.owner, f"portfolio:{holding.pk}") == {"cells": cells}


# --- whose it is ----------------------------------------------------------------------------------------------------
READS = ["summary", "positions", "equity", "ledger"]
WRITES = ["deposit", "withdraw", "transfer"]


@pytest.mark.parametrize("name", READS + WRITES)
def test_a_guessed_id_opens_nothing(
    client: Client, desk: Desk, main: Portfolio, bob: User, unchanged: Unchanged, name: str
) -> None:
    own = desk.portfolio(bob, 1, "Own")
    client.force_login(bob)
    with unchanged():
        answers = [client.get(_to(name, main)), client.get(reverse(f"portfolios:{name}", args=[new_id()]))]
        if name in WRITES:
            answers.append(client.post(_to(name, main), {"amount": "1", "target": str(own.pk)}))
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].context["error"].message == answers[1].context["error"].message


@pytest.mark.parametrize("name", READS + WRITES)
def test_nobody_is_sent_to_log_in(client: Client, main: Portfolio, unchanged: Unchanged, name: str) -> None:
    address = _to(name, main)
    with unchanged():
        answer = client.post(address, {"amount": "1"}) if name in WRITES else client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("name", ["list", "open"])
def test_nobody_has_a_list(client: Client, db: None, name: str) -> None:
    address = reverse(f"portfolios:{name}")
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("name", READS)
def test_what_is_read_cannot_be_posted_to(alices: Client, main: Portfolio, name: str) -> None:
    assert alices.post(_to(name, main)).status_code == 405
