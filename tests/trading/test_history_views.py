"""The pages of what was: lists that are narrowed, why an order ran otherwise, and the entries behind every figure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from portfolios.models import Portfolio
from tests.fixtures_trading import Pit
from tests.fixtures_waiting import Waiting
from trading.kinds import OrderKind
from trading.models import CauseKind, Leg, Order, Side
from trading.risk.services.profiles import set_limits
from trading.services.orders import Cause, submit_order


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def to(name: str, key: Portfolio | UUID) -> str:
    return reverse(name, args=[key.pk if isinstance(key, Portfolio) else key])


@pytest.fixture
def lived(waiting: Waiting) -> Waiting:
    waiting.pit.buy(2)
    waiting.pit.sell(1)
    waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="95")
    return waiting


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 3),
        ({"side": "SELL"}, 1),
        ({"kind": "LIMIT"}, 1),
        ({"state": "FILLED", "side": "BUY"}, 1),
        ({"cause": "RUN"}, 0),
        ({"since": "2026-03-03"}, 0),
        ({"until": "2026-03-01"}, 0),
        ({"since": "2026-03-02", "until": "2026-03-02"}, 3),
        # What an address names wrongly filters nothing.
        ({"state": "GONE", "since": "yesterday", "until": "9999-12-31", "page": "x"}, 3),
    ],
)
def test_orders_are_narrowed_on_their_page(alices: Client, lived: Waiting, asked: dict[str, str], count: int) -> None:
    answer = alices.get(to("portfolios:orders", lived.pit.lead), asked)
    assert (answer.status_code, len(answer.context["orders"])) == (200, count)
    assert ("No such orders" in answer.content.decode()) == (count == 0)


def test_lists_are_narrowed_by_market(alices: Client, lived: Waiting) -> None:
    pit, ether = lived.pit, lived.pit.desk.instrument("ETH")
    for name, all_of_them in (("portfolios:orders", 3), ("portfolios:fills", 2)):
        counts = [
            len(alices.get(to(name, pit.lead), {"instrument": str(one.pk)}).context["page"])
            for one in (pit.instrument, ether)
        ]
        # Of what was never traded there is nothing to choose.
        assert counts == [all_of_them, all_of_them]
        assert [key for key, _ in alices.get(to(name, pit.lead)).context["filter"].fields["instrument"].choices] == [
            "",
            str(pit.instrument.pk),
        ]


def entries(browser: Client, portfolio: Portfolio, **asked: Any) -> list[tuple[str, str, str, Decimal]]:
    page = browser.get(to("portfolios:ledger", portfolio), asked).context["page"]
    return [(one.kind, one.account, one.asset_id, one.amount) for one in page]


def test_a_balance_leads_to_the_entries_that_it_is_the_sum_of(alices: Client, lived: Waiting) -> None:
    lead = lived.pit.lead
    found = entries(alices, lead, asset="USDT")
    assert sum(amount for _, account, _, amount in found if account in ("HOLDINGS", "HELD")) == Decimal(9_900)
    assert entries(alices, lead, asset="USDT", account="HELD") == [("HOLD", "HELD", "USDT", Decimal(95))]
    assert len(entries(alices, lead, kind="DEPOSIT")) == 2
    page = alices.get(to("portfolios:detail", lead)).content.decode()
    where = to("portfolios:ledger", lead)
    for link in (f"{where}?asset=USDT", f"{where}?asset=BTC", f"{where}?asset=USDT&amp;account=HELD"):
        assert f'href="{link}"' in page


def test_the_entries_of_an_order_are_its_holds_and_fills(alices: Client, lived: Waiting, bob: User) -> None:
    lead = lived.pit.lead
    filled, resting = (Order.objects.filter(kind=kind).order_by("pk")[0] for kind in ("MARKET", "LIMIT"))
    kinds = [{row[0] for row in entries(alices, lead, order=one.pk)} for one in (filled, resting)]
    assert kinds == [{"FILL"}, {"HOLD"}]
    page = alices.get(to("portfolios:ledger", lead), {"order": str(filled.pk)})
    assert {order.pk for _, order in page.context["rows"]} == {filled.pk}
    # An order of somebody else's, or of none, filters nothing and tells nothing.
    other = lived.pit.buy(1, lived.pit.portfolio(bob, 1_000, "Own"))
    for key in (other.pk, "x"):
        assert len(entries(alices, lead, order=key)) == len(entries(alices, lead))


# --- why ------------------------------------------------------------------------------------------------------------
def asked_by_a_run(pit: Pit, quantity: str) -> Order:
    with pit.working():
        order = submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(quantity),
            cause=Cause(CauseKind.RUN, f"run:{Order.objects.count()}"),
        )
    order.refresh_from_db()
    return order


def test_a_denied_order_says_why_on_which_facts_and_what_to_do(alices: Client, pit: Pit) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_positions": "1"})
    pit.instrument, bitcoin = pit.desk.instrument("ETH"), pit.instrument
    pit.price(50, pit.instrument)
    asked_by_a_run(pit, "1")
    pit.instrument = bitcoin
    order = asked_by_a_run(pit, "2")
    assert order.code == "TOO_MANY_POSITIONS"
    why = alices.get(to("trading:order", order.pk)).context["why"]
    assert (why.title, why.code, why.words[:28]) == ("Why it was denied", order.code, "As many positions are open a")
    assert dict(why.facts) == {
        "Asked for": "2 BTC",
        "Let through": "0 BTC",
        "Market's price then": "100 USDT",
        "Worth at that price": "200.00 USDT",
        "The figure that met its limit": "1",
        "Its limit": "1",
        "Judged at, market time": "2026-03-02 12:00:00 UTC",
    }
    assert (why.href, why.label) == (to("portfolios:risk_limits", pit.lead), "Limits")


def test_what_was_cut_and_what_is_too_small_say_so(alices: Client, pit: Pit) -> None:
    cut, small = asked_by_a_run(pit, "200"), asked_by_a_run(pit, "0.001")
    of_cut, of_small = (alices.get(to("trading:order", one.pk)).context["why"] for one in (cut, small))
    assert (of_cut.title, of_cut.href) == ("Why it was cut", to("portfolios:deposit", pit.lead))
    assert (of_small.code, of_small.href) == ("INSUFFICIENT_BALANCE", to("portfolios:deposit", pit.lead))


def test_an_order_that_ran_as_asked_has_no_why(alices: Client, pit: Pit) -> None:
    answer = alices.get(to("trading:order", pit.buy(1).pk))
    assert (answer.context["why"], "What to do" in answer.content.decode()) == (None, False)
