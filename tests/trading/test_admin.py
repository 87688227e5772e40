"""The operators' view of the books and of trading: looked at, never changed, and the switch that halts all of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, User
from portfolios.models import Balance, EquitySnapshot, LedgerLine, Portfolio, PortfolioState, Position
from portfolios.services.equity import take_snapshots
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit
from trading.follow_models import StopMode
from trading.models import (
    CauseKind,
    Fill,
    Follow,
    FollowCommand,
    LeadEvent,
    Leg,
    Order,
    OrderEvent,
    OrderState,
    SafetySwitch,
    Side,
    Trigger,
)
from trading.selectors import platform_level
from trading.services.follows import stop_follow
from trading.services.orders import Cause, submit_order
from trading.services.safety import halt_platform

BOOKS: list[type[Model]] = [Portfolio, Balance, Position, LedgerLine, EquitySnapshot]
TRADING: list[type[Model]] = [Order, OrderEvent, Fill, Follow, LeadEvent, FollowCommand, Trigger, SafetySwitch]
HALT, RESUME = "/admin/trading/safetyswitch/halt/", "/admin/trading/safetyswitch/resume/"


@pytest.fixture
def root(client: Client, db: None) -> Client:
    """The browser of somebody who may see everything."""
    client.force_login(User.objects.create_superuser("root@example.org", "correct horse"))
    return client


@pytest.fixture
def console(operator: User) -> Client:
    """The browser of an operator without any further right."""
    browser = Client()
    browser.force_login(operator)
    return browser


@pytest.fixture
def busy(pit: Pit, bob: User, operator: User) -> Pit:
    """A pit in which each of the models has a row."""
    follow = pit.follow(bob)
    with pit.working():
        submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(1),
            cause=Cause(CauseKind.RUN, "run:1"),
            stop_loss_ratio=Decimal("0.05"),
        )
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    take_snapshots(namespace=pit.desk.namespace, at=NOON)
    halt_platform(actor=operator, reason="a drill")
    return pit


def _list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _row(row: Model, view: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{view}", args=[row.pk])


@pytest.mark.parametrize("model", [*BOOKS, *TRADING])
def test_rows_are_found_looked_at_and_left_as_they_are(
    root: Client, busy: Pit, unchanged: Unchanged, model: type[Model]
) -> None:
    row = model._default_manager.order_by("pk")[0]
    with unchanged():
        for query in ({}, {"q": "alice"}, {"q": str(row.pk)}, {"q": "no such id"}):
            assert root.get(_list(model), query).status_code == 200
        assert root.get(_row(row)).status_code == 200
        assert root.get(f"{_list(model)}add/").status_code == 403
        assert root.post(_row(row), {"reason": "changed"}).status_code == 403
        assert root.post(_row(row, "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [Order, Fill, LedgerLine, Position, Balance, Portfolio, OrderEvent, LeadEvent])
def test_a_list_costs_the_same_however_long_it_is(
    root: Client, pit: Pit, model: type[Model], django_assert_max_num_queries: Any
) -> None:
    pit.buy(1)
    root.get(_list(model))
    with CaptureQueriesContext(connection) as short:
        root.get(_list(model))
    for number in range(3):
        pit.buy(1, pit.portfolio(pit.alice, 500, f"No. {number}"))
        pit.buy(1)
    with django_assert_max_num_queries(len(short)):
        assert root.get(_list(model)).status_code == 200


def test_amounts_are_written_in_full_and_without_padding(root: Client, pit: Pit) -> None:
    pit.buy("1.5")
    line = LedgerLine.objects.get(amount=Decimal(-150))
    for page in (root.get(_list(LedgerLine)), root.get(_row(line))):
        text = page.content.decode()
        assert "−150" in text
        assert "150.0" not in text


def test_a_portfolio_is_frozen_through_the_service(root: Client, pit: Pit) -> None:
    chosen = {"action": "freeze", "_selected_action": [str(pit.lead.pk)]}
    assert root.post(_list(Portfolio), chosen).status_code == 302
    pit.lead.refresh_from_db()
    assert pit.lead.state == PortfolioState.FROZEN
    entry = AuditEntry.objects.get(action="portfolio.frozen")
    assert entry.actor is not None
    assert (entry.actor.email, entry.object_id) == ("root@example.org", str(pit.lead.pk))


# --- the switch -----------------------------------------------------------------------------------------------------
def test_the_first_page_offers_the_halt(console: Client) -> None:
    page = console.get("/admin/").content.decode()
    assert "Trading is active" in page
    assert f'href="{HALT}"' in page


def test_asking_is_not_halting(console: Client, unchanged: Unchanged) -> None:
    with unchanged():
        asked = console.get(HALT).content.decode()
        console.get(RESUME)
    assert "From this moment every new position is denied" in asked
    assert platform_level() == "ACTIVE"


def test_a_halt_needs_a_reason(console: Client, unchanged: Unchanged) -> None:
    for reason in ("", "  ", "x" * 201):
        with unchanged():
            assert console.post(HALT, {"reason": reason}).status_code == 400
    assert platform_level() == "ACTIVE"


def test_an_operator_halts_all_trading_at_once_and_lets_it_go_on(pit: Pit, console: Client, operator: User) -> None:
    with pit.working():
        waiting = pit.place(Side.BUY, 1)
        answer = console.post(HALT, {"reason": "Prices look wrong."})
    assert (answer.status_code, answer["Location"]) == (302, _list(SafetySwitch))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.code) == (OrderState.CANCELED, "TRADING_HALTED")
    switch = SafetySwitch.objects.get()
    assert (switch.level, switch.reason, switch.set_by) == ("HALTED", "Prices look wrong.", operator)
    first_page = console.get("/admin/").content.decode()
    assert "Prices look wrong." in first_page
    assert "Trading halted" in first_page
    assert f'href="{RESUME}"' in first_page
    assert "Prices look wrong." in console.get(HALT).content.decode()
    console.post(RESUME)
    assert platform_level() == "ACTIVE"
    assert pit.buy(1).state == OrderState.FILLED
    assert [entry.actor for entry in AuditEntry.objects.filter(action="safety.set")] == [operator, operator]


def test_nobody_else_reaches_the_switch(alice: User, unchanged: Unchanged) -> None:
    browser = Client()
    with unchanged():
        for _ in ("nobody", "alice"):
            for address in (HALT, RESUME):
                answer = browser.post(address, {"reason": "mine"})
                assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={address}")
            browser.force_login(alice)
    assert platform_level() == "ACTIVE"
